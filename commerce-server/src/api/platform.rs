//! Health.

use poem_openapi::OpenApi;

use super::{Answer, Shared, Tag};
use crate::reply::Reply;
use crate::wire::operations::Health;

pub(super) struct PlatformApi(pub(super) Shared);

fn ok() -> Reply<Health> {
    Reply::new(Health { status: "ok".to_owned() })
}

#[OpenApi(tag = "Tag::Platform")]
impl PlatformApi {
    /// Whether the process answers
    ///
    /// Asks nothing of the store.
    #[oai(path = "/health/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Answer<Reply<Health>> {
        Ok(ok())
    }

    /// Whether the store answers
    ///
    /// 503 while it does not: send no requests here.
    #[oai(path = "/health/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Answer<Reply<Health>> {
        self.0.commerce()?.store().now().await?;
        Ok(ok())
    }
}
