//! The whole service in process: whatever is sent to it, it answers as its document says, nothing breaks inside, what
//! it refuses leaves no trace, what is asked twice under one key is done once, and the books add up afterwards.
//!
//! An input is a script: requests one after another, in letters, so that it can be written and read by hand. See
//! `script`.

mod check;
mod script;
mod service;

use std::collections::BTreeSet;

use script::Request;
use service::Service;

/// No script is played further.
const MAX_REQUESTS: usize = 24;

/// Plays the script that the input is.
pub fn run(data: &[u8]) {
    played(data);
}

/// Plays a script, and tells which operations succeeded in it, by their ids in the document.
pub fn played(data: &[u8]) -> BTreeSet<&'static str> {
    let mut service = Service::open();
    let done = script::read(data).take(MAX_REQUESTS).filter_map(|request| play(&mut service, &request)).collect();
    check::books(&service);
    done
}

/// Every operation of the document, by its id.
pub fn operations() -> BTreeSet<&'static str> {
    check::operations().collect()
}

/// Sends a request; and again, if it changed something.
fn play(service: &mut Service, request: &Request<'_>) -> Option<&'static str> {
    service.give_up();
    let sent = service.prepare(request)?;
    let before = service.books();
    let answer = service.send(&sent);
    let done = check::answer(&sent, &answer);
    let after = service.books();
    if sent.asks_gateway() {
        return done;
    }
    if !sent.changes() || !answer.succeeded() {
        assert_eq!(before, after, "{sent:?} left a trace: {answer:?}");
        service.remember(&answer);
        return done;
    }
    let again = service.send(&sent);
    check::replay(&sent, &answer, &again);
    assert_eq!(after, service.books(), "done twice: {sent:?}");
    service.remember(&answer);
    done
}
