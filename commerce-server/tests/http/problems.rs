//! Every error is a problem document, the framework's own and panics included.

use std::time::Duration;

use commerce_server::app::Limits;
use poem::EndpointExt;
use poem::endpoint::make;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Server, memory, on_every_store};

async fn routes_and_methods(server: Server) {
    for path in ["/", "/v1", "/v1/nothing", "/v1/orders/1/nothing", "/v1/products/", "/%FF", "/v1/../v1/nowhere"] {
        server.get(path, "").await.refused(404, "route_not_found");
    }
    let deleted = server.send(server.request(Method::DELETE, "/v1/orders")).await.refused(405, "method_not_allowed");
    assert_eq!(deleted.header("allow"), "GET, HEAD, POST");
    let head = server.send(server.request(Method::HEAD, "/v1/products")).await.expect(200);
    assert!(head.text.is_empty());
}

async fn parameters(server: Server) {
    let who = server.shopper(0).await;
    for (path, code) in [
        ("/v1/orders/abc", "invalid_parameter"),
        ("/v1/orders/0", "invalid_parameter"),
        ("/v1/orders/-1", "invalid_parameter"),
        ("/v1/orders/9223372036854775808", "invalid_parameter"),
        ("/v1/orders?status=nowhere", "invalid_parameter"),
        ("/v1/orders?limit=ten", "invalid_parameter"),
        ("/v1/orders?limit=%2B5", "invalid_parameter"),
        ("/v1/orders?limit=05", "invalid_parameter"),
        ("/v1/products/popular?top=%2B5", "invalid_parameter"),
        ("/v1/products/popular?days=%2B1", "invalid_parameter"),
        ("/v1/products/popular?days=01", "invalid_parameter"),
        ("/v1/orders?limit=5&limit=6", "invalid_parameter"),
        ("/v1/orders?limt=5", "unknown_parameter"),
        ("/v1/me?x=1", "unknown_parameter"),
        ("/v1/me/wallet/krw/entries", "invalid_parameter"),
        ("/v1/products/popular?top=0", "invalid_parameter"),
        ("/v1/products/popular?top=101", "invalid_parameter"),
        ("/v1/products/popular?days=367", "invalid_parameter"),
    ] {
        let reply = server.get(path, &who.token).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text);
        reply.refused(400, code);
    }
    server.get("/v1/products/popular?days=0&top=1", &who.token).await.expect(200);
    server.get("/v1/admin/daily-sales", &server.operator()).await.refused(400, "invalid_parameter");
    for date in ["2026-1-2", "today", "1969-12-31", "0001-01-01", "%2B10000-01-01", "-0001-01-01"] {
        let path = format!("/v1/admin/daily-sales?date={date}");
        server.get(&path, &server.operator()).await.refused(400, "invalid_parameter");
    }
    for date in ["1970-01-01", "9999-12-31"] {
        server.get(&format!("/v1/admin/daily-sales?date={date}"), &server.operator()).await.expect(200);
    }
}

async fn bodies(server: Server) {
    let who = server.shopper(0).await;
    let post = |body: &'static str| {
        let request = server.request(Method::POST, "/v1/orders").bearer_auth(&who.token);
        server.send(request.header("Idempotency-Key", "k").header("Content-Type", "application/json").body(body))
    };
    for body in ["", "{", "{]", "nonsense", r#"{"lines":[]} more"#, "\u{feff}{}"] {
        post(body).await.refused(400, "malformed_json");
    }
    for body in
        ["[]", "null", "1", "{}", r#"{"lines":{}}"#, r#"{"lines":[],"lines":[]}"#, r#"{"lines":[],"payment":"gold"}"#]
    {
        post(body).await.refused(400, "invalid_body");
    }
    for body in [
        r#"{"lines":[],"total":"0"}"#,
        r#"{"lines":[{"variant_id":"1","quantity":1,"unit_price":"0"}]}"#,
        r#"{"lines":[],"customer_id":"7"}"#,
    ] {
        let reply = post(body).await.refused(400, "unknown_field");
        assert!(reply.body["detail"].as_str().expect("words").contains("unknown field"));
    }
    let deep = format!("{{\"lines\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
    let request = server.request(Method::POST, "/v1/orders").bearer_auth(&who.token).header("Idempotency-Key", "k");
    let reply = server.send(request.header("Content-Type", "application/json").body(deep)).await;
    assert_eq!(reply.status, 400, "{}", reply.text);
}

async fn bodies_of_another_shape(server: Server) {
    let (who, operator) = (server.shopper(0).await, server.operator());
    let line = json!({ "variant_id": "1", "quantity": 1 });
    let deposits = format!("/v1/admin/customers/{}/wallet/deposits", who.id);
    let money = json!({ "amount": "1", "currency": "KRW" });
    for (method, path, token, body) in [
        (Method::POST, "/v1/orders", &who.token, json!([[line], null, null])),
        (Method::POST, "/v1/orders", &who.token, json!({ "lines": [["1", 1]] })),
        (Method::POST, "/v1/orders", &who.token, json!({ "lines": [line], "payment": { "wallet": null } })),
        (Method::POST, "/v1/orders", &who.token, json!({ "lines": [line], "payment": 1 })),
        (Method::POST, &deposits, &operator, json!([money, null])),
        (Method::POST, &deposits, &operator, json!({ "amount": ["1", "KRW"] })),
        (Method::PUT, "/v1/me", &who.token, json!(["username", "Name"])),
        (Method::POST, "/v1/me/coupons", &who.token, json!(["1", null])),
    ] {
        server.change(method, path, token, body).await.refused(400, "invalid_body");
    }
}

async fn answers_do_not_repeat_all_that_was_sent(server: Server) {
    let who = server.shopper(0).await;
    let long = "x".repeat(5_000);
    let field = server.post("/v1/orders", &who.token, json!({ &long: 1 })).await.refused(400, "unknown_field");
    let parameter = server.get(&format!("/v1/orders?{long}=1"), &who.token).await.refused(400, "unknown_parameter");
    for reply in [field, parameter] {
        assert!(reply.text.chars().count() < 1_000, "{}", reply.text);
    }
}

async fn media_types(server: Server) {
    let who = server.shopper(0).await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"] {
        let request = server.request(Method::POST, "/v1/orders").bearer_auth(&who.token).header("Idempotency-Key", "k");
        let request = request.header("Content-Type", content_type).body("{\"lines\":[]}");
        server.send(request).await.refused(415, "unsupported_media_type");
    }
    let request = server.request(Method::POST, "/v1/orders").bearer_auth(&who.token).header("Idempotency-Key", "k");
    server.send(request.body("{}")).await.refused(415, "unsupported_media_type");
}

async fn bodies_over_the_limit(server: Server) {
    let who = server.shopper(0).await;
    let limit = server.app.limits.body;
    let huge = json!({ "lines": [], "filler": "x".repeat(limit) });
    let reply = server.post("/v1/orders", &who.token, huge).await.refused(413, "body_too_large");
    assert_eq!(reply.body["max_bytes"], limit);

    // The same without a Content-Length, chunk by chunk.
    let mut socket = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        who.token
    );
    socket.write_all(head.as_bytes()).await.expect("the head is sent");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    // The server may hang up before all of it is sent.
    for _ in 0..=limit / 0x1000 {
        if socket.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
}

/// What a connection answers, up to the end of the first JSON document.
async fn answer(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"}") {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn headers_of_every_answer(server: Server) {
    for path in ["/health/live", "/health/ready", "/v1/products", "/v1/nothing", "/v1/me"] {
        let reply = server.get(path, "").await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert!(!reply.header("x-request-id").is_empty(), "{path}");
    }
    let named = server.request(Method::GET, "/health/live").header("X-Request-Id", "mine-7");
    assert_eq!(server.send(named).await.header("x-request-id"), "mine-7");
    let long = server.request(Method::GET, "/health/live").header("X-Request-Id", "x".repeat(65));
    assert!(server.send(long).await.header("x-request-id").len() < 65);
}

async fn keys_that_are_not(server: Server) {
    let who = server.shopper(0).await;
    let request = || server.request(Method::POST, "/v1/orders").bearer_auth(&who.token).json(&json!({ "lines": [] }));
    server.send(request()).await.refused(400, "idempotency_key_missing");
    for key in ["", "two words", &"k".repeat(256), "k\u{e9}y"] {
        let reply = server.send(request().header("Idempotency-Key", key)).await;
        reply.refused(400, "idempotency_key_malformed");
    }
    let twice = request().header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    server.send(twice).await.refused(400, "idempotency_key_malformed");
}

async fn versions_that_are_not(server: Server) {
    let (product, _) = server.product(5, 5).await;
    let operator = server.operator();
    let patch = |if_match: &'static str| {
        let request = server.request(Method::PATCH, &format!("/v1/admin/products/{product}")).bearer_auth(&operator);
        let key = format!("key-{}", server.fresh());
        let request = request.header("Idempotency-Key", key).header("If-Match", if_match);
        server.send(request.json(&json!({ "name": "Another" })))
    };
    for malformed in ["1", "W/\"1\"", "\"one\"", "\"1\", \"2\"", "\"\""] {
        patch(malformed).await.refused(400, "if_match_malformed");
    }
    let request = server.request(Method::PATCH, &format!("/v1/admin/products/{product}")).bearer_auth(&operator);
    let twice = request.header("Idempotency-Key", "twice").header("If-Match", "*").header("If-Match", "\"7\"");
    server.send(twice.json(&json!({ "name": "Another" }))).await.refused(400, "if_match_malformed");
    let reply = patch("\"7\"").await.refused(412, "version_mismatch");
    assert_eq!((&reply.body["expected"], &reply.body["actual"]), (&json!(7), &json!(1)));
    assert_eq!(patch("\"1\"").await.expect(200).header("etag"), "\"2\"");
    assert_eq!(patch("*").await.expect(200).header("etag"), "\"3\"");
}

on_every_store!(
    routes_and_methods,
    parameters,
    bodies,
    media_types,
    bodies_of_another_shape,
    answers_do_not_repeat_all_that_was_sent,
    bodies_over_the_limit,
    headers_of_every_answer,
    keys_that_are_not,
    versions_that_are_not,
);

/// A panic and a request that never ends, in a service made for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_and_requests_without_end() {
    let limits = Limits { request: Duration::from_millis(50), ..Limits::default() };
    let panics = make(|_| async { panic!("a secret of the inside") as Result<(), poem::Error> });
    let hangs = make(|_| async { std::future::pending::<Result<(), poem::Error>>().await });
    let pages = vec![("/panics", panics.map_to_response().boxed()), ("/hangs", hangs.map_to_response().boxed())];
    let server = Server::start_paged(memory, limits, pages).await;
    let panicked = server.get("/panics", "").await.refused(500, "internal");
    assert!(!panicked.text.contains("secret"), "{}", panicked.text);
    let hung = server.get("/hangs", "").await.refused(503, "request_timeout");
    assert_eq!(hung.header("retry-after"), "1");
    // Neither took the server with it.
    server.get("/hangs", "").await.refused(503, "request_timeout");
}

/// A client that sends half a head and then nothing is hung up on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_never_ends() {
    let limits = Limits { header: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start_with(memory, limits).await;
    let mut socket = TcpStream::connect(server.address).await.expect("a connection");
    socket.write_all(b"GET /health/live HTTP/1.1\r\nHost:").await.expect("half a head is sent");
    let mut answer = Vec::new();
    // Reads until the server hangs up, with or without a word.
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

/// A body that does not arrive: nothing has run, and the answer says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_ends() {
    let limits = Limits { request: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start_with(memory, limits).await;
    let token = server.operator();
    let mut socket = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!(
        "POST /v1/admin/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{{\"username\":"
    );
    socket.write_all(head.as_bytes()).await.expect("half a body is sent");
    let answer = answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

/// A client that asks and never reads the answers loses its connection, and with it the only slot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_never_read() {
    let limits = Limits { request: Duration::from_millis(300), connections: 1, ..Limits::default() };
    let server = Server::start_with(memory, limits).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut silent = socket.connect(server.address).await.expect("a connection");
    // More answers than the buffers of both ends hold.
    let asked = silent.write_all("GET /docs HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50).as_bytes()).await;
    asked.expect("the requests fit the buffers");
    server.get("/health/live", "").await.expect(200);
    drop(silent);
}

/// What is no HTTP request is answered below the service, without a problem document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_not() {
    let server = Server::start(memory).await;
    for (status, head) in [
        (400, "NONSENSE\r\n\r\n".to_owned()),
        (400, "POST /v1/orders HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned()),
        (431, format!("GET /health/live HTTP/1.1\r\n{}\r\n", "X-Y: z\r\n".repeat(101))),
        (431, format!("GET /{}", "x".repeat(32 * 1024 - 5))),
    ] {
        let mut socket = TcpStream::connect(server.address).await.expect("a connection");
        socket.write_all(head.as_bytes()).await.expect("the head is sent");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("the answer, and the end of the connection");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}
