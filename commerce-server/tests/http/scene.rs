//! An order on its way to be paid by card, and what is seen of it from outside.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Reply, Server, Shopper};

/// A customer's order of one unit at this price, its coupon used.
pub(crate) struct Scene {
    pub(crate) who: Shopper,
    product: String,
    pub(crate) order: String,
}

pub(crate) async fn scene(server: &Server, won: u64) -> Scene {
    let (who, (product, variant)) = (server.shopper(50_000).await, server.product(won + 1_000, 5).await);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let order = server.place(&who, &[(&variant, 1)], json!({ "coupons": [copy] })).await.expect(201).id();
    Scene { who, product, order }
}

impl Scene {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/orders/{}{rest}", self.order)
    }

    pub(crate) async fn pay(&self, server: &Server, method: &str) -> Reply {
        server.post(&self.path("/pay"), &self.who.token, json!({ "method": method })).await
    }

    pub(crate) async fn confirm(&self, server: &Server) -> Reply {
        server.post(&self.path("/payment/confirm"), &self.who.token, json!({})).await
    }

    pub(crate) async fn payment(&self, server: &Server) -> Value {
        server.get(&self.path("/payment"), &self.who.token).await.expect(200).body
    }

    pub(crate) async fn events(&self, server: &Server) -> Vec<String> {
        let history = server.get(&self.path("/history"), &self.who.token).await.expect(200).body;
        let events = history["items"].as_array().expect("events").clone();
        events.iter().map(|event| event["event"].as_str().expect("a name").to_owned()).collect()
    }

    /// Units left of five, the coupon, and won in the wallet.
    pub(crate) async fn state(&self, server: &Server) -> (Value, Value, Value) {
        let product = server.get(&format!("/v1/products/{}", self.product), "").await.expect(200).body;
        let coupons = server.get("/v1/me/coupons", &self.who.token).await.expect(200).body;
        let wallet = server.get("/v1/me/wallet", &self.who.token).await.expect(200).body;
        (
            product["variants"][0]["stock"].clone(),
            coupons["items"][0]["issued"]["status"].clone(),
            wallet["items"][0]["balance"]["amount"].clone(),
        )
    }
}

/// Asks until the order stands there; the calls of the gateway bring it about.
pub(crate) async fn until(server: &Server, scene: &Scene, status: &str) {
    loop {
        let order = server.get(&scene.path(""), &scene.who.token).await.expect(200).body;
        if order["status"] == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
