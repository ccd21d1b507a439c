//! One test for each store.

/// Stamps a test for each store, with the suite's shop on it.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::shop::memory()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::shop::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_every_store;
