//! A gateway behind which the process dies: at one word of the conversation, before it is said or after it is answered.
//! One that cannot be reached for a while, and one that answers to many at a time only.

use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use commerce_core::{
    ChargeId, GatewayError, GatewayPayment, GatewayRefund, GatewayRefundStatus, GatewayRequest, PaymentGateway,
};
use tokio::sync::{Barrier, oneshot};

/// Which word, from 0, and whether the gateway gets to act on it.
pub(crate) type Place = (usize, bool);

/// Every place of a refund: one word is said.
pub(crate) fn refund_cuts() -> [Place; 2] {
    [(0, false), (0, true)]
}

/// Every place of a payment that is approved at once: it is looked up, created and captured.
pub(crate) fn cuts() -> impl Iterator<Item = Place> {
    (0..3).flat_map(|word| [(word, false), (word, true)])
}

/// Every place of a payment under way that is called off: it is looked up and cancelled.
pub(crate) fn cancel_cuts() -> impl Iterator<Item = Place> {
    (0..2).flat_map(|word| [(word, false), (word, true)])
}

pub(crate) struct Cut {
    place: Place,
    said: AtomicUsize,
    reached: Mutex<Option<oneshot::Sender<()>>>,
    inner: Arc<dyn PaymentGateway>,
}

impl Cut {
    /// A gateway that is cut there, and what is ready once it has been.
    pub(crate) fn at(place: Place, inner: Arc<dyn PaymentGateway>) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (reached, wait) = oneshot::channel();
        let cut = Self { place, said: AtomicUsize::new(0), reached: Mutex::new(Some(reached)), inner };
        (Arc::new(cut), wait)
    }

    async fn said<T>(&self, word: impl Future<Output = T>) -> T {
        let here = self.said.fetch_add(1, Ordering::SeqCst) == self.place.0;
        if here && !self.place.1 {
            return self.never().await;
        }
        let answer = word.await;
        if here { self.never().await } else { answer }
    }

    async fn never<T>(&self) -> T {
        if let Some(reached) = self.reached.lock().expect("no panic").take() {
            let _ = reached.send(());
        }
        pending().await
    }
}

#[async_trait]
impl PaymentGateway for Cut {
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        self.said(self.inner.create(request)).await
    }
    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError> {
        self.said(self.inner.look_up(charge)).await
    }
    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.said(self.inner.capture(charge)).await
    }
    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.said(self.inner.cancel(charge)).await
    }
    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError> {
        self.said(self.inner.refund(refund)).await
    }
}

/// A gateway that cannot be reached until it is back; nothing that it is asked before that arrives.
pub(crate) struct Away {
    back: AtomicBool,
    inner: Arc<dyn PaymentGateway>,
}

impl Away {
    pub(crate) fn from(inner: Arc<dyn PaymentGateway>) -> Arc<Self> {
        Arc::new(Self { back: AtomicBool::new(false), inner })
    }

    pub(crate) fn comes_back(&self) {
        self.back.store(true, Ordering::SeqCst);
    }

    fn reached(&self) -> Result<&dyn PaymentGateway, GatewayError> {
        if self.back.load(Ordering::SeqCst) {
            return Ok(&*self.inner);
        }
        Err(GatewayError::Unavailable { reason: "it cannot be reached".to_owned() })
    }
}

#[async_trait]
impl PaymentGateway for Away {
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        self.reached()?.create(request).await
    }
    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError> {
        self.reached()?.look_up(charge).await
    }
    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.reached()?.capture(charge).await
    }
    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.reached()?.cancel(charge).await
    }
    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError> {
        self.reached()?.refund(refund).await
    }
}

/// A gateway that answers where a payment stands to so many at a time, and keeps whoever asks waiting until they are.
pub(crate) struct Slow {
    waiting: AtomicUsize,
    most: AtomicUsize,
    answers: Barrier,
    inner: Arc<dyn PaymentGateway>,
}

impl Slow {
    pub(crate) fn from(inner: Arc<dyn PaymentGateway>, at_a_time: usize) -> Arc<Self> {
        let (waiting, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { waiting, most, answers: Barrier::new(at_a_time), inner })
    }

    /// The most that have waited at a time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PaymentGateway for Slow {
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        self.inner.create(request).await
    }
    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError> {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        self.answers.wait().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.inner.look_up(charge).await
    }
    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.inner.capture(charge).await
    }
    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.inner.cancel(charge).await
    }
    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError> {
        self.inner.refund(refund).await
    }
}
