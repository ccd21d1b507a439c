//! Products from CSV files.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, memory, on_every_store};

const PATH: &str = "/v1/admin/products/import";
const SAMPLE: &str = include_str!("../../../examples/products.csv");
const HEADER: &str = "product_id,name,status,currency,base_price,sku,additional_price,stock\n";

pub(crate) async fn send(server: &Server, query: &str, key: &str, csv: impl Into<Vec<u8>>) -> Reply {
    let request = server.request(Method::POST, &format!("{PATH}{query}")).bearer_auth(server.operator());
    let request = request.header("Idempotency-Key", key).header("Content-Type", "text/csv; charset=utf-8");
    server.send(request.body(csv.into())).await
}

pub(crate) fn rows(reply: &Reply) -> Vec<Value> {
    reply.body["rows"].as_array().expect("rows").clone()
}

/// Row number, column and code of each row that is refused.
fn faults(rows: &[Value]) -> Vec<(u64, &str, &str)> {
    let refused = rows.iter().filter(|row| row["outcome"] == "refused");
    refused.map(fault).collect()
}

fn fault(row: &Value) -> (u64, &str, &str) {
    let code = row["problem"]["code"].as_str().expect("a code");
    (row["row"].as_u64().expect("a number"), row["column"].as_str().unwrap_or("-"), code)
}

async fn skus(server: &Server) -> Vec<String> {
    let mut skus = Vec::new();
    let list = server.get("/v1/admin/products?limit=100", &server.operator()).await.expect(200).body;
    for product in list["items"].as_array().expect("items") {
        let id = product["id"].as_str().expect("an id");
        let listing = server.get(&format!("/v1/products/{id}"), "").await.expect(200).body;
        let variants = listing["variants"].as_array().expect("variants");
        skus.extend(variants.iter().map(|variant| variant["sku"].as_str().expect("a SKU").to_owned()));
    }
    skus.sort();
    skus
}

async fn the_sample_is_imported_and_told_row_by_row(server: Server) {
    let tried = send(&server, "?dry_run=true", "k", SAMPLE).await.expect(200);
    assert!(rows(&tried).iter().all(|row| row["outcome"] == "acceptable"), "{}", tried.text);
    assert_eq!(skus(&server).await, Vec::<String>::new());

    let done = send(&server, "", "k", SAMPLE).await.expect(200);
    let counts = (&done.body["accepted"], &done.body["refused"], &done.body["left"]);
    assert_eq!(counts, (&json!(5), &json!(0), &json!(0)), "{}", done.text);
    assert_eq!(done.text.lines().count(), 7, "a row a line: {}", done.text);
    let told = rows(&done);
    assert_eq!(told[1]["product_id"], told[0]["product_id"], "a row without a name is of the product above");
    let id = told[0]["product_id"].as_str().expect("an id");
    let shirt = server.get(&format!("/v1/products/{id}"), "").await.expect(200).body;
    assert_eq!(shirt["product"]["description"], "Washed linen, cut wide.");
    let variant = &shirt["variants"][2];
    assert_eq!((&variant["id"], &variant["stock"]), (&told[2]["variant_id"], &json!(8)));
    assert_eq!(variant["unit_price"], json!({ "amount": "53.00", "currency": "USD" }));
    assert_eq!(skus(&server).await, ["BOX", "MUG-MON", "SHIRT-M", "SHIRT-S", "SHIRT-XL"]);

    // Under the same key nothing is done again; under another every SKU is taken.
    assert_eq!(send(&server, "", "k", SAMPLE).await.expect(200).text, done.text);
    let again = send(&server, "", "another", SAMPLE).await.expect(200);
    let left_out = ["import_row_left_out", "import_row_left_out"];
    let codes: Vec<_> = faults(&rows(&again)).iter().map(|(.., code)| (*code).to_owned()).collect();
    assert_eq!(codes, ["sku_taken", left_out[0], left_out[1], "sku_taken", "sku_taken"]);
    assert_eq!(skus(&server).await.len(), 5);

    let more = format!("{HEADER}{id},,,USD,,SHIRT-XXL,6.00,1\n,,,,,SHIRT-3XL,7.00,\n");
    let more = send(&server, "?all_or_nothing=true", "more", more).await.expect(200);
    assert_eq!(more.body["accepted"], 2, "{}", more.text);
    assert_eq!(server.get(&format!("/v1/products/{id}"), "").await.body["variants"].as_array().map(Vec::len), Some(5));
}

/// Every kind of row that is refused; the last is not.
fn mixed() -> Vec<u8> {
    let rows = [
        "9,,,KRW,,A-1,,",
        ",Mug,on_sale,KRW,1000,A-2,,",
        ",,,,,A-3,-5,",
        ",Mug,on_sale,KRW,1000,A-4,,1000000001",
        ",Mug,maybe,KRW,1000,A-5,,",
        ",Mug,on_sale,XYZ,1000,A-6,,",
        ",Mug,on_sale,KRW,10.5,A-7,,",
        ",Mug,on_sale,KRW,,A-8,,",
        ",Mug,on_sale,KRW,1000,a 9,,",
        ",Mug,on_sale,KRW,1000,A-10,,many",
        ",Mug,on_sale,KRW,1000",
        ",,,KRW,,A-11,,",
        ",Mu\"g,on_sale,KRW,1000,A-12,,",
        ",Good,on_sale,KRW,1000,A-13,,3",
    ];
    let mut csv = format!("\u{feff}{HEADER}\r\n\r\n{}\r\n", rows.join("\r\n")).into_bytes();
    csv.extend_from_slice(b",\xff,on_sale,KRW,1,A-14,,\n,Open,on_sale,KRW,1,\"A-15,,\n,Lost,on_sale,KRW,1,A-16,,\n");
    csv
}

const FAULTS: &[(u64, &str, &str)] = &[
    (2, "product_id", "product_not_found"),
    (3, "-", "import_row_left_out"),
    (4, "additional_price", "negative_price"),
    (5, "stock", "stock_out_of_range"),
    (6, "status", "csv_field_invalid"),
    (7, "currency", "csv_field_invalid"),
    (8, "base_price", "csv_field_invalid"),
    (9, "base_price", "csv_field_missing"),
    (10, "sku", "csv_field_invalid"),
    (11, "stock", "csv_field_invalid"),
    (12, "-", "csv_row_ragged"),
    (13, "currency", "csv_field_unexpected"),
    (14, "-", "csv_quotes_invalid"),
    (16, "name", "csv_not_utf8"),
    (17, "-", "csv_quotes_invalid"),
];

async fn what_is_wrong_is_told_row_by_row_and_the_rest_is_imported(server: Server) {
    let tried = send(&server, "?dry_run=true", "k", mixed()).await.expect(200);
    assert_eq!(faults(&rows(&tried)), FAULTS);
    let done = send(&server, "", "k", mixed()).await.expect(200);
    assert_eq!(faults(&rows(&done)), FAULTS);
    assert_eq!((&done.body["accepted"], &done.body["refused"]), (&json!(1), &json!(15)));
    let told = rows(&done);
    let problem = |row: usize| &told[row]["problem"];
    assert_eq!(
        (&problem(1)["because_of_row"], &problem(10)["fields"], &problem(10)["expected"]),
        (&json!(4), &json!(5), &json!(8))
    );
    // Two blank lines are no rows, but lines.
    assert_eq!(
        (&told[0]["line"], &told[15]["line"], &problem(15)["through_line"]),
        (&json!(4), &json!(19), &json!(20))
    );
    assert_eq!(skus(&server).await, ["A-13"]);
}

async fn stock_is_a_whole_number(server: Server) {
    let good = |stock: &str| format!(",Mug,on_sale,KRW,1000,M{},,\"{stock}\"\n", stock.len());
    let csv = format!("{HEADER}{}{}{}{}", good("5.0"), good("-5"), good("1,000"), good(""));
    let told = rows(&send(&server, "", "k", csv).await.expect(200));
    let field = "csv_field_invalid";
    assert_eq!(faults(&told), [(2, "stock", field), (3, "stock", field), (4, "stock", field)]);
    let detail = |row: usize| told[row]["problem"]["detail"].as_str().expect("a text").to_owned();
    assert_eq!(detail(0), "\"5.0\" is not a whole number of units, 0 to 1000000000");
    assert_eq!(skus(&server).await, ["M0"]);
}

async fn rows_that_were_cleared_are_passed_over(server: Server) {
    let shirt = ",Shirt,on_sale,KRW,1000,S,,\n,,,,,M,,\n";
    let csv = format!(
        "{HEADER},,,,,,,\r\n{shirt},,,,,,,\n \n,,,,,L,,\n,Mug,on_sale,KRW,500,MUG,,\n\"\",,,\" \",,,,\n,,,\n,,,,,,,"
    );
    let done = send(&server, "?all_or_nothing=true", "k", csv.clone()).await.expect(200);
    let told = rows(&done);
    let numbers: Vec<_> = told.iter().map(|row| row["row"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, [3, 4, 7, 8], "{}", done.text);
    assert_eq!((&told[2]["product_id"], &done.body["left"]), (&told[0]["product_id"], &json!(0)));
    assert_eq!(skus(&server).await, ["L", "M", "MUG", "S"]);
    let each = send(&server, "", "each", csv).await.expect(200);
    assert_eq!((&each.body["refused"], &each.body["left"]), (&json!(4), &json!(0)), "{}", each.text);
    // A row that is blank but for a quote that nothing closes is wrong.
    let open = send(&server, "", "open", format!("{HEADER}{shirt},\"")).await.expect(200);
    assert_eq!(faults(&rows(&open)).last(), Some(&(4, "-", "csv_quotes_invalid")), "{}", open.text);
}

async fn all_or_nothing_is_nothing_if_a_row_is_refused(server: Server) {
    let before = server.books().await;
    let refused = send(&server, "?all_or_nothing=true", "k", mixed()).await.refused(422, "import_refused");
    assert_eq!(faults(&rows(&refused)), FAULTS);
    // Refused by the shop alone, with everything readable.
    let good = |sku: &str| format!(",Mug,on_sale,KRW,1000,{sku},,\n");
    let twice = format!("{HEADER}{}{}{}", good("A"), good("B"), good("A"));
    let refused = send(&server, "?all_or_nothing=true", "k", twice.clone()).await.refused(422, "import_refused");
    assert_eq!(faults(&rows(&refused)), [(4, "sku", "sku_taken")]);
    let problem = rows(&refused)[0]["problem"].clone();
    assert_eq!((&problem["row_with_sku"], &problem["sku"]), (&json!(2), &json!("A")));
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.ends_with("; row 2 has it too"), "{detail}");
    assert_eq!(server.books().await, before);

    let once = format!("{HEADER}{}{}", good("A"), good("B"));
    let done = send(&server, "?all_or_nothing=true", "k", once.clone()).await.expect(200);
    assert_eq!((done.body["accepted"].as_u64(), done.header("idempotent-replayed")), (Some(2), ""));
    let again = send(&server, "?all_or_nothing=true", "k", once).await.expect(200);
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&done.text, "true"));
    send(&server, "?all_or_nothing=true", "k", twice).await.refused(422, "idempotency_key_reused");
    // Product by product, the first of two wins.
    let twice = format!("{HEADER}{}", good("C").repeat(2));
    let done = send(&server, "", "c", twice).await.expect(200);
    assert_eq!((&done.body["accepted"], &done.body["refused"]), (&json!(1), &json!(1)));
    assert_eq!(skus(&server).await, ["A", "B", "C"]);
}

async fn files_that_are_refused_as_a_whole(server: Server) {
    let many = format!("{HEADER}{}", ",,,,,S,,\n".repeat(10_001));
    for (csv, code) in [
        ("", "csv_empty"),
        ("name,status,currency,base_price,sku\n", "csv_empty"),
        ("name,status,currency,base_price\nMug,on_sale,KRW,1\n", "csv_header_invalid"),
        ("name,status,currency,base_price,sku,colour\n", "csv_header_invalid"),
        ("name,name,status,currency,base_price,sku\n", "csv_header_invalid"),
        ("name;status;currency;base_price;sku\n", "csv_header_invalid"),
        ("name,status,currency,base_price,\"sku\n", "csv_header_invalid"),
        ("name,status,currency,base_price,sku\n,,,,\n", "csv_empty"),
        (&*many, "csv_too_many_rows"),
    ] {
        send(&server, "", "k", csv).await.refused(400, code);
    }
    let trailing = "name,status,currency,base_price,sku,\nMug,on_sale,KRW,1,S,\n";
    let refused = send(&server, "", "k", trailing).await.refused(400, "csv_header_invalid");
    assert_eq!((&refused.body["detail"], &refused.body["column_number"]), (&json!("column 6 has no name"), &json!(6)));
    let key = "k".repeat(255);
    send(&server, "", &key, SAMPLE).await.refused(400, "idempotency_key_malformed");
    let json = server.post(PATH, &server.operator(), json!({})).await;
    json.refused(415, "unsupported_media_type");
    let customer = server.shopper(0).await.token;
    let request = server.request(Method::POST, PATH).bearer_auth(customer).header("Idempotency-Key", "k");
    server.send(request.header("Content-Type", "text/csv").body(SAMPLE)).await.refused(403, "forbidden");
    assert_eq!(skus(&server).await, Vec::<String>::new());
}

on_every_store!(
    the_sample_is_imported_and_told_row_by_row,
    what_is_wrong_is_told_row_by_row_and_the_rest_is_imported,
    stock_is_a_whole_number,
    rows_that_were_cleared_are_passed_over,
    all_or_nothing_is_nothing_if_a_row_is_refused,
    files_that_are_refused_as_a_whole,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_a_limit_of_its_own() {
    let limits = commerce_server::app::Limits { body: 1_024, import: 2_048, ..Default::default() };
    let server = Server::start_with(memory, limits).await;
    let padded = |length: usize| format!("{SAMPLE}{}", "\n".repeat(length - SAMPLE.len()));
    send(&server, "", "k", padded(2_048)).await.expect(200);
    let refused = send(&server, "", "k", padded(2_049)).await.refused(413, "body_too_large");
    assert_eq!(refused.body["max_bytes"], 2_048);
}
