//! Running stacks that many stories use, one after the other: starting one costs more than most
//! stories take.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::stack::{Builder, Stack};

/// A stack that is started when it is first needed.
pub struct Shared {
    build: fn() -> Builder,
    stack: Mutex<Option<Stack>>,
}

impl Shared {
    /// Names a stack.
    pub const fn new(build: fn() -> Builder) -> Self {
        Self { build, stack: Mutex::const_new(None) }
    }

    /// Tells a story on the stack. Stories on one stack do not overlap, and each begins with
    /// providers that have seen nothing.
    pub fn story(&'static self, story: impl AsyncFnOnce(&mut Stack)) {
        block_on(self.tell(story));
    }

    async fn tell(&'static self, story: impl AsyncFnOnce(&mut Stack)) {
        let mut place = self.stack.lock().await;
        let mut stack = match place.take() {
            Some(stack) => stack,
            None => (self.build)().start().await,
        };
        stack.begin_story();
        // A story that fails drops the stack, which prints its logs; the next story starts anew.
        story(&mut stack).await;
        stack.end_story();
        *place = Some(stack);
    }
}

/// Tells a story on several stacks, one after the other.
pub fn on_every_role(stacks: &[&'static Shared], story: &impl AsyncFn(&mut Stack)) {
    for stack in stacks {
        block_on(stack.tell(story));
    }
}

/// Runs a test on the runtime that all tests share: what a shared stack spawns must outlive the
/// test that started it. A test that hangs fails after two minutes.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap()
    });
    RUNTIME.block_on(async {
        let mut test = std::pin::pin!(test);
        let ended = tokio::time::timeout(LIMIT, test.as_mut()).await;
        // The test is still there when this panics, so that its stack shows its logs.
        ended.expect("the test takes too long")
    })
}

const LIMIT: Duration = Duration::from_mins(2);
