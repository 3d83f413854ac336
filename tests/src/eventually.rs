//! Waiting for what happens soon, without guessing how soon.

use std::time::Duration;

/// Asks until the answer is there, and fails when it does not come within [`patience`].
///
/// For what has no event to wait for. Whatever can be held with a gate or awaited should be.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = async {
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    };
    let answer = tokio::time::timeout(patience(), waited).await;
    answer.unwrap_or_else(|_| panic!("it did not happen in time: {what}"))
}

/// Returns how long tests wait for what should happen at once: `TOLLGATE_TEST_PATIENCE_MS`, or
/// fifteen seconds.
pub fn patience() -> Duration {
    let given = std::env::var("TOLLGATE_TEST_PATIENCE_MS").ok();
    let milliseconds = given.and_then(|text| text.parse().ok()).unwrap_or(15_000);
    Duration::from_millis(milliseconds)
}
