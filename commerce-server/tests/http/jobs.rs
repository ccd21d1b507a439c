//! Jobs as operators see and start them, and days of sales told anew.

use std::sync::Arc;
use std::time::Duration;

use commerce_server::work::relay::Backoff;
use commerce_server::work::scheduler::tasks::OrderExpiry;
use commerce_server::work::scheduler::{Scheduled, Scheduler, Settings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Server, on_every_store};

/// A process that runs one job, at midnight or when it is told to.
fn scheduler(server: &Server) -> Arc<Scheduler> {
    let minute = Duration::from_secs(60);
    let settings = Settings {
        owner: "worker".parse().expect("an owner"),
        lease: minute,
        renew: minute,
        poll: minute,
        grace: minute,
        backoff: Backoff { first: minute, most: minute },
    };
    let commerce = server.app.commerce.clone();
    let store = Arc::clone(commerce.store());
    let task = Arc::new(OrderExpiry(commerce));
    let job = Scheduled::new("order-expiry".parse().expect("a name"), "0 0 * * *".parse().expect("a schedule"), task);
    Scheduler::new(store, settings, vec![job], Arc::clone(&server.app.asked))
}

async fn an_operator_sees_and_starts_jobs(server: Server) {
    let operator = server.operator();
    assert_eq!(server.get("/v1/admin/jobs", &operator).await.expect(200).body, json!({ "items": [] }));
    let scheduler = scheduler(&server);
    scheduler.pass().await.expect("a look");
    let planned = json!({
        "name": "order-expiry", "schedule": "0 0 * * *", "next_at": "2026-11-22T00:00:00.000000Z", "failures": 0
    });
    assert_eq!(server.get("/v1/admin/jobs", &operator).await.expect(200).body["items"], json!([planned]));
    assert_eq!(server.get("/v1/admin/jobs/order-expiry", &operator).await.expect(200).body, planned);

    let ask = async |key: &str| {
        let path = "/v1/admin/jobs/order-expiry/runs";
        server.keyed(Method::POST, path, &operator, key, &Value::Null).await.expect(202).body
    };
    let waits = json!({ "job": "order-expiry", "requested_at": "2026-11-21T09:30:00.000000Z" });
    assert_eq!((ask("now").await, ask("now").await), (waits.clone(), waits));
    scheduler.pass().await.expect("a look");
    let met = ask("now").await;
    let run = json!({
        "run": 1, "status": "succeeded", "owner": "worker", "token": 2, "requested_by": "mina", "duration_ms": 0,
        "started_at": "2026-11-21T09:30:00.000000Z", "finished_at": "2026-11-21T09:30:00.000000Z",
        "counts": { "ended": 0, "failed": 0 }
    });
    assert_eq!(met["run"], run);
    let job = server.get("/v1/admin/jobs/order-expiry", &operator).await.expect(200).body;
    assert_eq!((&job["last_run"], &job["succeeded_at"]), (&run, &run["started_at"]));

    ask("again").await;
    scheduler.pass().await.expect("a look");
    let page = server.get("/v1/admin/jobs/order-expiry/runs?limit=1", &operator).await.expect(200).body;
    let next = format!("/v1/admin/jobs/order-expiry/runs?cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    let rest = server.get(&next, &operator).await.expect(200).body;
    assert_eq!((&page["items"][0]["run"], &rest["items"]), (&json!(2), &json!([run])));
}

async fn what_is_no_job_is_not_found(server: Server) {
    let (operator, customer) = (server.operator(), server.shopper(0).await.token);
    for name in ["tidying", "Nightly!", &"x".repeat(65)] {
        let path = format!("/v1/admin/jobs/{name}");
        server.get(&path, &operator).await.refused(404, "job_not_found");
        server.get(&format!("{path}/runs"), &operator).await.refused(404, "job_not_found");
        server.post(&format!("{path}/runs"), &operator, Value::Null).await.refused(404, "job_not_found");
    }
    server.get("/v1/admin/jobs", &customer).await.refused(403, "forbidden");
}

async fn days_are_rolled_up(server: Server) {
    let (operator, who) = (server.operator(), server.shopper(100_000).await);
    let (_, variant) = server.product(29_000, 5).await;
    server.paid(&who, &variant).await;
    let roll_up =
        async |days: &str| server.post(&format!("/v1/admin/daily-sales/roll-up?{days}"), &operator, Value::Null).await;
    let day = |date: &str, lines: u64| json!({ "date": date, "lines": lines, "products": lines, "corrected": 0, "corrections": [] });
    let both = roll_up("first=2026-11-20&last=2026-11-21").await.expect(200).body;
    assert_eq!(both["items"], json!([day("2026-11-20", 0), day("2026-11-21", 1)]));
    assert_eq!(roll_up("first=2026-11-21").await.expect(200).body["items"], json!([day("2026-11-21", 1)]));
    roll_up("first=2026-11-21&last=2026-11-20").await.refused(422, "days_reversed");
    roll_up("first=2026-11-21&last=2026-11-22").await.refused(422, "day_not_begun");
    let too_many = roll_up("first=2025-11-20&last=2026-11-21").await.refused(422, "too_many_days");
    assert_eq!((&too_many.body["days"], &too_many.body["max"]), (&json!(367), &json!(366)));
    roll_up("first=yesterday").await.refused(400, "invalid_parameter");
    server.books().await;
}

on_every_store!(an_operator_sees_and_starts_jobs, what_is_no_job_is_not_found, days_are_rolled_up);
