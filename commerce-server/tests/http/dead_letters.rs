//! Sinks and dead letters in the hands of an operator.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, on_every_store};

const LETTERS: &str = "/v1/admin/dead-letters";

impl Server {
    async fn sink(&self, name: &str) -> Option<Value> {
        let sinks = self.get("/v1/admin/sinks", &self.operator()).await.expect(200).body;
        sinks["items"].as_array().expect("sinks").iter().find(|sink| sink["name"] == name).cloned()
    }

    /// Every dead letter of a query, page by page.
    async fn letters(&self, query: &str) -> Vec<Value> {
        let (mut all, mut path) = (Vec::new(), format!("{LETTERS}?limit=2&{query}"));
        loop {
            let page = self.get(&path, &self.operator()).await.expect(200).body;
            all.extend(page["items"].as_array().expect("items").iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { return all };
            path = format!("{LETTERS}?limit=2&{query}&cursor={cursor}");
        }
    }

    async fn settle(&self, verb: &str, selection: Value) -> Reply {
        let request = self.request(Method::POST, &format!("{LETTERS}/{verb}")).bearer_auth(self.operator());
        self.send(request.json(&selection)).await
    }

    async fn settled(&self, verb: &str, selection: Value) -> u64 {
        self.settle(verb, selection).await.expect(200).body["count"].as_u64().expect("a number")
    }
}

async fn sinks_are_listed_and_removed(server: Server) {
    let operator = server.operator();
    let empty = server.get("/v1/admin/sinks", &operator).await.expect(200).body;
    assert_eq!(empty, json!({ "waiting": 0, "items": [] }));
    server.buried("books", 3).await;
    server.buried("mail", 2).await;
    let (who, (_, variant)) = (server.shopper(0).await, server.product(1_000, 1).await);
    server.pending(&who, &variant).await;
    let sinks = server.get("/v1/admin/sinks", &operator).await.expect(200).body;
    assert_eq!(sinks["waiting"], 1);
    let books = server.sink("books").await.expect("a sink");
    assert_eq!((&books["backlog"], &books["dead_letters"]), (&json!(2), &json!(3)));
    assert!(books["registered_at"].is_string() && books["oldest_at"].is_string(), "{books}");
    let mail = server.sink("mail").await.expect("a sink");
    assert_eq!((&mail["backlog"], &mail["dead_letters"]), (&json!(0), &json!(2)));
    assert!(mail.get("oldest_at").is_none(), "{mail}");

    let remove = || server.send(server.request(Method::DELETE, "/v1/admin/sinks/books").bearer_auth(&operator));
    assert_eq!(remove().await.expect(200).body, books, "as it was");
    remove().await.refused(404, "sink_not_found");
    assert_eq!(server.sink("books").await, None);
    assert_eq!((server.letters("sink=books").await, server.letters("").await.len()), (vec![], 2));
    for wrong in ["Books", "b%20", &"b".repeat(65)] {
        let path = format!("/v1/admin/sinks/{wrong}");
        server
            .send(server.request(Method::DELETE, &path).bearer_auth(&operator))
            .await
            .refused(400, "invalid_parameter");
    }
}

async fn dead_letters_are_found_and_read(server: Server) {
    let books = server.buried("books", 3).await;
    let between = server.app.commerce.store().now().await.expect("the time").to_string();
    server.clock.advance(Duration::from_secs(1));
    server.buried("mail", 2).await;
    let all = server.letters("").await;
    let ids: BTreeSet<&str> = all.iter().map(|letter| letter["message_id"].as_str().expect("an id")).collect();
    assert_eq!((all.len(), ids.len()), (5, 5));
    assert_eq!(server.letters("sink=books").await.len(), 3);
    assert_eq!(server.letters(&format!("buried_before={between}")).await.len(), 3);
    assert_eq!(server.letters(&format!("message_id={}", books[1])).await.len(), 1);
    let order = all[0]["order_id"].as_str().expect("an id");
    let about = server.letters(&format!("order_id={order}")).await;
    assert_eq!(about, all[..1]);

    let path = format!("{LETTERS}/books/{}", books[1]);
    let opened = server.get(&path, &server.operator()).await.expect(200).body;
    let listed = all.iter().find(|letter| letter["message_id"] == *books[1]).expect("it is listed");
    assert_eq!(&opened["dead_letter"], listed);
    assert_eq!(listed["last_error"], "answered with status 410");
    assert_eq!(
        (&listed["attempts"], &listed["sequence"], &listed["event_type"]),
        (&json!(1), &json!(1), &json!("order.placed"))
    );
    let event = &opened["event"];
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("order.placed.v1")));
    assert_eq!((&event["id"], &event["subject"]), (&listed["message_id"], &listed["order_id"]));
    assert_eq!(event["data"]["order"]["id"], listed["order_id"]);
    let elsewhere = format!("{LETTERS}/mail/{}", books[1]);
    server.get(&elsewhere, &server.operator()).await.refused(404, "dead_letter_not_found");

    // A cursor is good for its own filter alone.
    let page = server.get(&format!("{LETTERS}?limit=1&sink=books"), &server.operator()).await.expect(200).body;
    let cursor = page["next_cursor"].as_str().expect("more");
    let other = format!("{LETTERS}?limit=1&sink=mail&cursor={cursor}");
    server.get(&other, &server.operator()).await.refused(400, "cursor_invalid");
    server.get(&format!("{LETTERS}?buried_before=soon"), &server.operator()).await.refused(400, "invalid_parameter");
}

async fn dead_letters_are_replayed_one_or_all(server: Server) {
    let books = server.buried("books", 3).await;
    server.buried("mail", 1).await;
    let one = json!({ "sink": "books", "message_id": books[0] });
    assert_eq!((server.settled("replay", one.clone()).await, server.settled("replay", one).await), (1, 0));
    // The sink of the second round got what it wanted besides.
    let sink = server.sink("books").await.expect("a sink");
    assert_eq!((&sink["backlog"], &sink["dead_letters"]), (&json!(1 + 1), &json!(2)));
    assert_eq!(server.settled("replay", json!({ "sink": "nobody" })).await, 0);
    assert_eq!(server.settled("replay", json!({ "all": true })).await, 3);
    assert_eq!(server.letters("").await, Vec::<Value>::new());
}

/// More than one commit takes; what is given up on at or after the request is left.
async fn all_of_a_filter_is_all_that_was_there(server: Server) {
    server.buried("books", 3).await;
    let before = server.app.commerce.store().now().await.expect("the time").to_string();
    server.clock.advance(Duration::from_secs(1));
    server.buried("books", 2).await;
    let early = json!({ "sink": "books", "buried_before": before });
    assert_eq!((server.settled("discard", early.clone()).await, server.settled("discard", early).await), (3, 0));
    assert_eq!(server.letters("").await.len(), 2);
    let late = json!({ "all": true, "buried_before": "9999-01-01T00:00:00Z" });
    assert_eq!(server.settled("discard", late).await, 2);
    assert_eq!(server.settled("replay", json!({ "all": true })).await, 0);
    let sink = server.sink("books").await.expect("a sink");
    assert_eq!((&sink["backlog"], &sink["dead_letters"]), (&json!(0), &json!(0)));
}

/// Leaving everything out is too easily done to mean everything.
async fn a_selection_says_what_it_means(server: Server) {
    server.buried("books", 1).await;
    for verb in ["replay", "discard"] {
        for selection in [
            json!({}),
            json!({ "all": false }),
            json!({ "buried_before": "9999-01-01T00:00:00Z" }),
            json!({ "all": true, "sink": "books" }),
        ] {
            server.settle(verb, selection).await.refused(422, "dead_letters_ambiguous");
        }
        server.settle(verb, json!({ "sinks": "books" })).await.refused(400, "unknown_field");
    }
    assert_eq!(server.letters("").await.len(), 1);
}

on_every_store!(
    sinks_are_listed_and_removed,
    dead_letters_are_found_and_read,
    dead_letters_are_replayed_one_or_all,
    all_of_a_filter_is_all_that_was_there,
    a_selection_says_what_it_means,
);
