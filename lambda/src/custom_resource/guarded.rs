//! Work that may panic without taking the invocation with it: whoever waits for an answer still gets one.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Waits for work; an error is what it panicked with. Nothing of the work is used after that.
pub(super) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Err(panic) => Poll::Ready(Err(message(panic.as_ref()))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_wait_is_an_error_with_its_message() {
        let worked = guarded(async {
            tokio::task::yield_now().await;
            assert_eq!(1 + 1, 3, "the sum is wrong");
        });
        assert!(worked.await.is_err_and(|message| message.contains("the sum is wrong")));
        assert_eq!(guarded(async { 7 }).await, Ok(7));
    }
}
