-- Types and names are those of migrations/sqlite; a test compares the two.
-- What a request used besides tokens, as a JSON object of counts: images, characters, audio_ms,
-- image_input_tokens, image_output_tokens. NULL when nothing but tokens is paid for.
ALTER TABLE ledger ADD COLUMN units TEXT;
