//! The quickstart runs to its end: each figure that it shows is asserted in it.

#[path = "../examples/quickstart.rs"]
#[expect(dead_code, reason = "the test starts `run` on a runtime of its own, not through `main`")]
mod quickstart;

#[tokio::test]
async fn the_quickstart_runs_to_its_end() {
    quickstart::run().await.expect("every step succeeds");
}
