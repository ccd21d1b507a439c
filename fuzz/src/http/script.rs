//! Scripts of requests, as an input spells them.
//!
//! ```text
//! customer POST /v1/orders
//! if-match: "1"
//!
//! {"lines":[{"variant_id":"$variant","quantity":1}]}
//! %%
//! operator GET /v1/orders/$order
//! ```
//!
//! The first line says who asks (`customer`, `other`, `stranger`, `operator`, or anything else for nobody), how, and for
//! what; headers follow, then an empty line and the body. `$variant` and the like stand for what the shop last gave out.

/// What ends a request, on a line of its own.
const END: &[u8] = b"\n%%\n";

/// One request, not yet checked for anything.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) who: &'a str,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: &'a [u8],
}

/// The requests of a script; what is not one is passed over.
pub(super) fn read(data: &[u8]) -> impl Iterator<Item = Request<'_>> {
    let mut rest = Some(data);
    let parts = std::iter::from_fn(move || {
        let data = rest?;
        let end = position(data, END);
        rest = end.map(|end| &data[end + END.len()..]);
        Some(end.map_or(data, |end| &data[..end]))
    });
    parts.filter_map(request)
}

fn request(part: &[u8]) -> Option<Request<'_>> {
    let (head, body) = match position(part, b"\n\n") {
        Some(end) => (&part[..end], &part[end + 2..]),
        None => (part, &part[part.len()..]),
    };
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let mut words = lines.next()?.splitn(3, ' ');
    let (who, method, target) = (words.next()?, words.next()?, words.next()?);
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    Some(Request { who, method, target, headers, body })
}

fn position(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).position(|window| window == what)
}
