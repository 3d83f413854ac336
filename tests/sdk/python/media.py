"""The official Python client: images, speech, transcripts and moderations.

Prints what each call is to be billed for, as [call type, units, nano-dollars].
"""

import io
import json
import os
import struct

from openai import APIStatusError, OpenAI
from providers.media import IMAGE, SOUND, SRT

sdk = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["KEY"], max_retries=0)
expected = []


def bill(call, nanos, **units):
    expected.append([call, units, nanos])


def picture():
    return ("a.png", io.BytesIO(b"\x89PNG a picture"), "image/png")


def sound(name="a.wav", seconds=3):
    """A WAVE file of silence: 16 kHz, 16 bit."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000,
                       2, 16, b"data", 32000 * seconds)
    return (name, io.BytesIO(head + bytes(32000 * seconds)))


def images():
    made = sdk.images.generate(model="picture", prompt="a cat", n=2)
    assert [it.b64_json for it in made.data] == [IMAGE] * 2, made
    bill("aimage_generation", 9 * 5_000 + 544 * 40_000, images=2, image_output_tokens=544)

    stream = sdk.images.generate(model="picture", prompt="a cat", stream=True, partial_images=1)
    kinds = [event.type for event in stream]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"], kinds
    bill("aimage_generation", 9 * 5_000 + 272 * 40_000, images=1, image_output_tokens=272)

    made = sdk.images.edit(model="picture", image=picture(), prompt="a dog")
    assert len(made.data) == 1, made
    cost = 9 * 5_000 + 40 * 10_000 + 272 * 40_000
    bill("aimage_edit", cost, images=1, image_input_tokens=40, image_output_tokens=272)

    made = sdk.images.create_variation(model="variation", image=picture(), n=2)
    assert len(made.data) == 2, made
    bill("aimage_variation", 2 * 20_000_000, images=2)


def images_of_fireworks():
    made = sdk.images.generate(model="flux", prompt="a cat", size="1536x1024",
                               extra_body={"seed": 7})
    assert [it.b64_json for it in made.data] == [IMAGE] and made.created > 1_700_000_000, made
    bill("aimage_generation", 1_400_000, images=1)

    made = sdk.images.generate(model="flux", prompt="a cat", response_format="url")
    assert made.data[0].url == f"data:image/png;base64,{IMAGE}", made
    bill("aimage_generation", 1_400_000, images=1)

    for wrong, status, said in [
        ({"n": 2}, 400, "n"),
        ({"prompt": "something bad"}, 400, "it is refused"),
        ({"prompt": "something hidden"}, 502, "filter"),
    ]:
        try:
            sdk.images.generate(**{"model": "flux", "prompt": "a cat", **wrong})
            raise AssertionError(f"{wrong} was served")
        except APIStatusError as error:
            assert error.status_code == status and said in error.message, error
        if status != 400 or "n" not in wrong:
            bill("aimage_generation", 0)


def speech():
    spoken = sdk.audio.speech.create(model="voice", voice="alloy", input="Grüße")
    assert spoken.read() == SOUND
    bill("aspeech", 5 * 15_000, characters=5)

    asked = {"model": "voice", "voice": "alloy", "input": "Hi"}
    with sdk.audio.speech.with_streaming_response.create(**asked) as spoken:
        assert b"".join(spoken.iter_bytes()) == SOUND
    bill("aspeech", 2 * 15_000, characters=2)


def transcripts():
    heard = sdk.audio.transcriptions.create(model="whisper", file=sound())
    assert heard.text == "Hello", heard
    bill("atranscription", 5_000 * 100, audio_ms=5_000)

    asked = {"model": "whisper", "response_format": "verbose_json"}
    heard = sdk.audio.transcriptions.create(file=sound(), **asked)
    assert heard.duration == 4.25, heard
    bill("atranscription", 4_250 * 100, audio_ms=4_250)

    asked = {"model": "whisper", "response_format": "srt"}
    assert sdk.audio.transcriptions.create(file=sound(), **asked) == SRT
    # The file says how long it is.
    bill("atranscription", 3_000 * 100, audio_ms=3_000)

    stream = sdk.audio.transcriptions.create(model="scribe", file=sound(), stream=True)
    assert [event.type for event in stream][-1] == "transcript.text.done"
    bill("atranscription", 14 * 2_500 + 3 * 10_000, audio_ms=3_000)

    # Longer than what is held: the file flows on while it comes.
    heard = sdk.audio.translations.create(model="whisper", file=sound(seconds=60))
    assert heard.text == "Hello", heard
    bill("atranscription", 60_000 * 100, audio_ms=60_000)


def moderations():
    judged = sdk.moderations.create(input="hello")
    assert judged.model == "omni-moderation-latest", judged
    bill("amoderation", 0)


def other_providers():
    """Providers who take the sound alone, and answer in another form."""
    heard = sdk.audio.transcriptions.create(model="deepgram/nova-3", file=sound())
    assert heard.text == "Hello there. Bye.", heard
    assert (heard.task, heard.language, heard.duration) == ("transcribe", "en", 2.5), heard
    bill("atranscription", 179_175, audio_ms=2_500)

    asked = {"model": "deepgram/nova-3", "response_format": "vtt", "language": "en"}
    heard = sdk.audio.transcriptions.create(file=sound(seconds=60), **asked)
    expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n"
    assert heard == expected + "00:00:01.500 --> 00:00:02.250\nBye.\n\n", heard
    bill("atranscription", 179_175, audio_ms=2_500)

    if "ONE_STEP" in os.environ:
        return
    asked = {"model": "assemblyai/best", "language": "de"}
    heard = sdk.audio.transcriptions.create(file=sound(seconds=20), **asked)
    assert (heard.text, heard.language, heard.duration) == ("Hallo.", "de", 3.0), heard
    bill("atranscription", 99_990, audio_ms=3_000)


images()
images_of_fireworks()
speech()
transcripts()
moderations()
other_providers()
print(json.dumps(expected))
