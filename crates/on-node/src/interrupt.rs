//! Ctrl-C while something is waited for that is no connection.

/// Does this on a thread; `None` when the user interrupted first, and then it is left to itself.
///
/// After the first [`crate::call()`] Ctrl-C is ours for good and would end nothing by itself.
pub fn interruptible<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Some(work());
    };
    runtime.block_on(async {
        let (done, result) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || done.send(work()).ok());
        tokio::select! {
            result = result => result.ok(),
            _ = tokio::signal::ctrl_c() => None,
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_not_interrupted_is_returned() {
        assert_eq!(super::interruptible(|| 5), Some(5));
    }
}
