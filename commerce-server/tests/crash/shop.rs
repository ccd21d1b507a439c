//! The shop that is under load, and what its books must say by the clients' record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use commerce_server::auth::{Role, Tokens};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::program::SECRET;
use crate::record::{Answer, Record, Request, get, insist, send};

const PRICE: i64 = 10;
const STOCK: i64 = 10_000_000;
const WON: i64 = 1_000_000_000;

/// What the record and the shop disagree on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Acknowledged, and not there, or not as it was told.
    pub(crate) lost: usize,
    /// Answers that cannot be.
    pub(crate) strange: usize,
    /// There, and nobody was told of it: done twice, or not at all as asked.
    pub(crate) unheard_of: usize,
    /// Wallets that are not what the record comes to.
    pub(crate) balances: usize,
    /// Units on hand that are missing by the record, or too many.
    pub(crate) units: i64,
    /// Copies of the coupon that are out beyond those told of, or missing.
    pub(crate) copies: i64,
}

/// One who shops, again and again.
#[derive(Clone)]
pub(crate) struct Shopper {
    id: String,
    token: String,
    /// An order of theirs that is not paid.
    pending: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) client: Client,
    operator: String,
    variant: String,
    coupon: String,
    keys: Arc<AtomicU64>,
}

fn id(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

impl Shop {
    /// A product in plenty, a coupon without end, and shoppers with money.
    pub(crate) async fn open(base: &str, shoppers: usize) -> (Self, Vec<Shopper>) {
        let tokens = Tokens::new(SECRET.as_bytes());
        let day = Duration::from_secs(86_400);
        let operator = tokens.mint(Role::Operator, "mina", day).expect("a token");
        let (variant, coupon) = (String::new(), String::new());
        let mut shop = Self { client: Client::new(), operator, variant, coupon, keys: Arc::default() };
        let operator = shop.operator.clone();
        let product = json!({
            "name": "A thing", "base_price": { "amount": PRICE.to_string(), "currency": "KRW" }, "status": "on_sale",
            "variants": [{ "sku": "THING", "stock": STOCK }],
        });
        let listing = shop.done(base, "/v1/admin/products", &operator, product).await;
        shop.variant = id(&listing["variants"][0]);
        let coupon = json!({
            "name": "One off", "discount": { "amount": { "amount": "1", "currency": "KRW" } },
            "starts_at": "2026-01-01T00:00:00Z", "per_customer_limit": 1_000_000,
        });
        shop.coupon = id(&shop.done(base, "/v1/admin/coupons", &operator, coupon).await);
        let mut customers = Vec::new();
        for n in 0..shoppers {
            let body = json!({ "username": format!("shopper-{n}"), "name": "Shopper" });
            let id = id(&shop.done(base, "/v1/admin/customers", &operator, body).await);
            let money = json!({ "amount": { "amount": WON.to_string(), "currency": "KRW" } });
            shop.done(base, &format!("/v1/admin/customers/{id}/wallet/deposits"), &operator, money).await;
            let token = tokens.mint(Role::Customer, &id, day).expect("a token");
            customers.push(Shopper { id, token, pending: None });
        }
        (shop, customers)
    }

    async fn done(&self, base: &str, path: &str, token: &str, body: Value) -> Value {
        let answer = insist(&self.client, base, &self.request(path, token, body)).await;
        assert!(answer.accepted(), "{path}: {answer:?}");
        answer.body
    }

    /// A request under a key that no other has.
    fn request(&self, path: &str, token: &str, body: Value) -> Request {
        let key = format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        Request { path: path.to_owned(), token: token.to_owned(), key, body }
    }

    /// What a shopper does next: calls off the order that waits, or one of the other things, in turn.
    fn next(&self, shopper: &mut Shopper, turn: usize) -> Request {
        if let Some(order) = shopper.pending.take() {
            return self.request(&format!("/v1/orders/{order}/cancel"), &shopper.token, json!({}));
        }
        let line = json!([{ "variant_id": self.variant, "quantity": 1 + turn % 3 }]);
        match turn % 5 {
            0 => self.request("/v1/me/coupons", &shopper.token, json!({ "coupon_id": self.coupon })),
            1 => {
                let path = format!("/v1/admin/customers/{}/wallet/deposits", shopper.id);
                let money = json!({ "amount": { "amount": "7", "currency": "KRW" } });
                self.request(&path, &self.operator, money)
            }
            2 => self.request("/v1/orders", &shopper.token, json!({ "lines": line })),
            _ => self.request("/v1/orders", &shopper.token, json!({ "lines": line, "payment": "wallet" })),
        }
    }

    /// Shops until `turns` requests were answered or one was not; the record, and the one.
    pub(crate) async fn visit(
        &self,
        base: &str,
        shopper: &mut Shopper,
        turns: usize,
        answered: &Semaphore,
    ) -> (Record, Option<Request>) {
        let mut record = Record::new();
        for turn in 0..turns {
            let request = self.next(shopper, turn);
            let Some(answer) = send(&self.client, base, &request).await else { return (record, Some(request)) };
            answered.add_permits(1);
            shopper.learn(&answer);
            record.push((request, answer));
        }
        (record, None)
    }

    /// Asks again under the keys of the record. Who was told of success is told the same again, and nothing runs.
    pub(crate) async fn ask_again(&self, base: &str, record: &Record) -> usize {
        let mut lost = 0;
        for (request, told) in record.iter().filter(|(_, told)| told.accepted()) {
            let again = insist(&self.client, base, request).await;
            lost += usize::from(!again.replayed || again.body != told.body);
        }
        lost
    }

    /// Holds the whole record against what the shop says.
    pub(crate) async fn compare(&self, base: &str, shoppers: &[Shopper], record: &Record) -> Findings {
        let strange = record.iter().filter(|(_, told)| told.strange()).count();
        let mut findings = Findings { strange, ..Findings::default() };
        let mut units = STOCK;
        for shopper in shoppers {
            let told = Books::of(shopper, record);
            let found = self.orders(base, shopper).await;
            findings.lost += told.orders.iter().filter(|(id, order)| found.get(*id) != Some(*order)).count();
            findings.unheard_of += found.keys().filter(|id| !told.orders.contains_key(*id)).count();
            let wallet = get(&self.client, base, "/v1/me/wallet", &shopper.token).await;
            findings.balances += usize::from(wallet_balance(&wallet) != Some(told.balance));
            let copies = self.pages(base, "/v1/me/coupons?limit=100", &shopper.token).await;
            findings.copies += i64::try_from(copies.len()).expect("a few") - told.copies;
            units -= told.units;
        }
        let path = format!("/v1/admin/variants/{}/stock?limit=1", self.variant);
        let ledger = get(&self.client, base, &path, &self.operator).await;
        findings.units = ledger["items"][0]["on_hand_after"].as_i64().expect("units") - units;
        findings
    }

    /// A shopper's orders by id: the status and the version.
    async fn orders(&self, base: &str, shopper: &Shopper) -> BTreeMap<String, (String, u64)> {
        let items = self.pages(base, "/v1/orders?limit=100", &shopper.token).await;
        items.iter().map(|order| (id(order), standing(order))).collect()
    }

    async fn pages(&self, base: &str, path: &str, token: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), path.to_owned());
        loop {
            let page = get(&self.client, base, &next, token).await;
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return items,
            }
        }
    }
}

impl Shopper {
    /// Notes an order that waits to be paid.
    pub(crate) fn learn(&mut self, answer: &Answer) {
        self.pending = (answer.body["status"] == "pending").then(|| id(&answer.body));
    }
}

fn standing(order: &Value) -> (String, u64) {
    (order["status"].as_str().expect("a status").to_owned(), order["version"].as_u64().expect("a version"))
}

fn wallet_balance(wallet: &Value) -> Option<i64> {
    wallet["items"][0]["balance"]["amount"].as_str()?.parse().ok()
}

fn won(money: &Value) -> i64 {
    money["amount"].as_str().expect("an amount").parse().expect("won")
}

/// A shopper's books as the record has them.
struct Books {
    orders: BTreeMap<String, (String, u64)>,
    balance: i64,
    units: i64,
    copies: i64,
}

impl Books {
    fn of(shopper: &Shopper, record: &Record) -> Self {
        let mut books = Self { orders: BTreeMap::new(), balance: WON, units: 0, copies: 0 };
        let deposits = format!("/v1/admin/customers/{}/", shopper.id);
        for (request, told) in record.iter().filter(|(_, told)| told.accepted()) {
            if request.path.starts_with(&deposits) {
                books.balance += won(&request.body["amount"]);
            }
            if request.token != shopper.token {
                continue;
            }
            if request.path == "/v1/me/coupons" {
                books.copies += 1;
                continue;
            }
            let units: i64 = told.body["lines"].as_array().expect("lines").iter().map(quantity).sum();
            match told.body["status"].as_str() {
                Some("cancelled") => books.units -= units,
                Some("paid") => {
                    books.units += units;
                    books.balance -= won(&told.body["total"]);
                }
                _ => books.units += units,
            }
            books.orders.insert(id(&told.body), standing(&told.body));
        }
        books
    }
}

fn quantity(line: &Value) -> i64 {
    line["quantity"].as_i64().expect("a quantity")
}
