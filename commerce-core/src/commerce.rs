//! The façade that embedders call: typed methods over one store.

use std::fmt;
use std::sync::Arc;

use crate::admission::{Gate, loaded};
use crate::cart::{Cart, CartView, MergedCart};
use crate::catalog::{Imported, ImportedItem, Product};
use crate::charge::Charge;
use crate::command::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, Basket, BasketLines, CancelOrder, ClearCart, Command,
    CreateCoupon, CreateProduct, DeliverOrder, Deposit, ExpireIssuedCoupon, ExpireOrder, ImportItem, ImportProducts,
    IssueCoupon, MergeCart, PayOrder, PlaceOrder, RefundOrder, RegisterCustomer, RemoveCartItem, RequestTopUp,
    RevokeCoupon, SettleCharge, SettleRefund, ShipOrder, StartCardPayment, UpdateCartItem, UpdateCoupon, UpdateProduct,
    UpdateVariant,
};
use crate::coupon::{CodeBatch, Coupon, IssuedCoupon};
use crate::customer::Customer;
use crate::decide::{self, Context, ListedVariant, Listing, Outcome, basket_keys, cart_view_keys, keys};
use crate::ids::{CustomerId, IdBlock, IdGenerator, IssuedCouponId, MessageId, NodeId};
use crate::inventory::StockEntry;
use crate::order::Order;
use crate::pricing::Quote;
use crate::principal::Principal;
use crate::refund::Refund;
use crate::store::{Envelope, Error, PageRequest, Receipt, Store, StoreError};
use crate::text::IdempotencyKey;
use crate::time::{Clock, SystemClock};
use crate::top_up::TopUp;
use crate::wallet::WalletEntry;

/// Who asks, and under which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The authenticated principal.
    pub principal: Principal,
    /// The name of this attempt: keep it until there is an answer, and retry with the same one.
    pub key: IdempotencyKey,
}

impl Caller {
    /// A caller.
    #[must_use]
    pub const fn new(principal: Principal, key: IdempotencyKey) -> Self {
        Self { principal, key }
    }
}

/// A command whose outcome has one type.
pub trait TypedCommand: Into<Command> + Send {
    /// What the command comes to.
    type Output;

    /// Takes the output out of an outcome; `None` if it is of another kind.
    fn output(outcome: Outcome) -> Option<Self::Output>;
}

/// A shop on a store: the commands as methods, and the reads through [`Commerce::store`].
///
/// Cloning is cheap; clones share the store and the id generator.
#[derive(Clone)]
pub struct Commerce {
    store: Arc<dyn Store>,
    ids: Arc<IdGenerator>,
    clock: Arc<dyn Clock>,
    gate: Option<Arc<dyn Gate>>,
}

impl Commerce {
    /// A shop on `store`, whose fresh ids carry the number of this `node`. Processes that share a store
    /// have different nodes.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, node: NodeId) -> Self {
        Self::with_clock(store, node, Arc::new(SystemClock))
    }

    /// The same with another clock behind the ids. (Decisions take the time from the store's clock.)
    #[must_use]
    pub fn with_clock(store: Arc<dyn Store>, node: NodeId, clock: Arc<dyn Clock>) -> Self {
        Self { store, ids: Arc::new(IdGenerator::new(node)), clock, gate: None }
    }

    /// The same shop with a gate in front of its store.
    #[must_use]
    pub fn behind(self, gate: Arc<dyn Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Carries any command out, once per key; the typed methods below are this.
    pub async fn run<C: TypedCommand>(&self, caller: Caller, command: C) -> Result<Receipt<C::Output>, Error> {
        let receipt = self.execute(self.envelope(caller, command.into())).await?;
        let outcome = C::output(receipt.outcome).ok_or_else(|| StoreError::Corrupt {
            what: "the outcome stored under the key is of another kind of command".to_owned(),
        })?;
        Ok(Receipt { outcome, replayed: receipt.replayed })
    }

    /// Has an envelope carried out, once per key, unless the gate turns it away.
    ///
    /// # Errors
    /// [`Error::Rejected`]: a rule refuses it, and nothing has changed. [`Error::Store`]: the store cannot answer; ask again
    /// under the same key.
    pub async fn execute(&self, envelope: Envelope) -> Result<Receipt, Error> {
        match &self.gate {
            Some(gate) => gate.pass(&*self.store, envelope).await,
            None => self.store.execute(envelope).await,
        }
    }

    /// An envelope with as many fresh ids as its command needs.
    #[must_use]
    pub fn envelope(&self, caller: Caller, command: Command) -> Envelope {
        let ids = self.ids.reserve(self.clock.now(), command.ids_needed());
        Envelope { principal: caller.principal, key: caller.key, command, ids }
    }

    /// A fresh id for a message that is no command's; `None` once time has run past what ids can hold.
    #[must_use]
    pub fn message_id(&self) -> Option<MessageId> {
        self.ids.reserve(self.clock.now(), 1).take()
    }

    /// What would refuse an import, if anything does; nothing is changed.
    pub async fn check_import(&self, principal: &Principal, import: ImportProducts) -> Result<(), Error> {
        let command = Command::from(import);
        let ids = self.ids.reserve(self.clock.now(), command.ids_needed());
        let records = loaded(&*self.store, |records| keys(&command, records)).await?;
        let context = Context { now: self.store.now().await?, ids, shop: self.store.shop() };
        decide::decide(&records, principal, &command, &context)?;
        Ok(())
    }

    /// One item of an import in a commit of its own; take a [part](IdempotencyKey::part) of the import's key for each.
    pub async fn import_item(&self, caller: Caller, item: ImportItem) -> Result<ImportedItem, Error> {
        match item {
            ImportItem::Product(product) => {
                let listing = self.create_product(caller, product).await?.outcome;
                let variant_ids = listing.variants.iter().map(|listed| listed.variant.id).collect();
                Ok(ImportedItem { product_id: listing.product.id, variant_ids })
            }
            ImportItem::Variant(added) => {
                let listed = self.add_variant(caller, added).await?.outcome;
                Ok(ImportedItem { product_id: listed.variant.product_id, variant_ids: vec![listed.variant.id] })
            }
        }
    }

    /// Prices a basket of `customer` without changing anything.
    pub async fn quote(&self, customer: CustomerId, basket: &Basket) -> Result<Quote, Error> {
        let records = loaded(&*self.store, |records| basket_keys(customer, basket, records)).await?;
        let ids = IdBlock::new(0, 0, self.ids.node());
        let context = Context { now: self.store.now().await?, ids, shop: self.store.shop() };
        Ok(decide::quote(&records, customer, basket, &context)?)
    }

    /// Prices lines with those of the customer's available copies that take off most together: of those `among`, or of
    /// all. Exact; see [`quote_best`](decide::quote_best) for the bounds and what the trace tells.
    pub async fn quote_best(
        &self,
        customer: CustomerId,
        lines: BasketLines,
        among: Option<Vec<IssuedCouponId>>,
    ) -> Result<Quote, Error> {
        let coupons = match among {
            Some(named) => named,
            None => self.available_copies(customer).await?,
        };
        let basket = Basket { lines, coupons };
        let records = loaded(&*self.store, |records| basket_keys(customer, &basket, records)).await?;
        let ids = IdBlock::new(0, 0, self.ids.node());
        let context = Context { now: self.store.now().await?, ids, shop: self.store.shop() };
        Ok(decide::quote_best(&records, customer, &basket, &context)?)
    }

    async fn available_copies(&self, customer: CustomerId) -> Result<Vec<IssuedCouponId>, StoreError> {
        let now = self.store.now().await?;
        let mut available = Vec::new();
        let mut page = PageRequest::first(PageRequest::<IssuedCouponId>::MAX_LIMIT);
        loop {
            let found = self.store.issued_coupons(customer, page).await?;
            let usable = |(copy, _): &&(IssuedCoupon, Arc<Coupon>)| copy.may_redeem(now).is_ok();
            available.extend(found.items.iter().filter(usable).map(|(copy, _)| copy.id));
            let Some(next) = found.next else { return Ok(available) };
            page = PageRequest { after: Some(next), ..page };
        }
    }

    /// The cart of `customer` as it looks now.
    pub async fn cart(&self, customer: CustomerId) -> Result<CartView, Error> {
        let records = loaded(&*self.store, |records| cart_view_keys(customer, records)).await?;
        Ok(decide::view_cart(&records, customer, self.store.now().await?)?)
    }
}

impl fmt::Debug for Commerce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commerce").field("ids", &self.ids).finish_non_exhaustive()
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident($command:ident) -> $variant:ident($output:ty);)+) => {
        $(impl TypedCommand for $command {
            type Output = Arc<$output>;
            fn output(outcome: Outcome) -> Option<Arc<$output>> {
                match outcome {
                    Outcome::$variant(output) => Some(output),
                    _ => None,
                }
            }
        })+

        /// The commands. Each runs once per key, and fails with [`Error::Rejected`] if a rule refuses it (nothing
        /// changed), or with [`Error::Store`] if the store cannot answer.
        impl Commerce {
            $($(#[$doc])*
            pub async fn $method(&self, caller: Caller, command: $command) -> Result<Receipt<Arc<$output>>, Error> {
                self.run(caller, command).await
            })+
        }
    };
}

methods! {
    /// Registers a customer.
    register_customer(RegisterCustomer) -> Customer(Customer);
    /// Creates a product with its variants.
    create_product(CreateProduct) -> Listing(Listing);
    /// Changes a product.
    update_product(UpdateProduct) -> Product(Product);
    /// Adds a variant to a product.
    add_variant(AddVariant) -> Variant(ListedVariant);
    /// Creates products and adds variants, all of them or none.
    import_products(ImportProducts) -> Imported(Imported);
    /// Changes a variant.
    update_variant(UpdateVariant) -> Variant(ListedVariant);
    /// Books a movement of stock by hand.
    adjust_stock(AdjustStock) -> StockEntry(StockEntry);
    /// Puts money into a wallet.
    deposit(Deposit) -> WalletEntry(WalletEntry);
    /// Corrects a wallet.
    adjust_wallet(AdjustWallet) -> WalletEntry(WalletEntry);
    /// Creates a coupon.
    create_coupon(CreateCoupon) -> Coupon(Coupon);
    /// Changes a coupon.
    update_coupon(UpdateCoupon) -> Coupon(Coupon);
    /// Adds codes to a coupon, each good for one copy.
    add_codes(AddCodes) -> CodeBatch(CodeBatch);
    /// Hands a copy of a coupon to a customer, first come first served.
    issue_coupon(IssueCoupon) -> IssuedCoupon(IssuedCoupon);
    /// Takes a customer's copy back.
    revoke_coupon(RevokeCoupon) -> IssuedCoupon(IssuedCoupon);
    /// Marks a copy as expired whose time is over; [`expire_copies`](Self::expire_copies) finds them.
    expire_issued_coupon(ExpireIssuedCoupon) -> IssuedCoupon(IssuedCoupon);
    /// Puts units of a variant into a cart.
    add_cart_item(AddCartItem) -> Cart(Cart);
    /// Sets how many units of a variant are in a cart.
    update_cart_item(UpdateCartItem) -> Cart(Cart);
    /// Takes a variant out of a cart.
    remove_cart_item(RemoveCartItem) -> Cart(Cart);
    /// Takes everything out of a cart.
    clear_cart(ClearCart) -> Cart(Cart);
    /// Puts lines collected before signing in into a cart.
    merge_cart(MergeCart) -> MergedCart(MergedCart);
    /// Places an order, and pays it in the same commit if asked to.
    place_order(PlaceOrder) -> Order(Order);
    /// Pays a pending order.
    pay_order(PayOrder) -> Order(Order);
    /// Calls a pending order off and gives everything back; of one whose card payment is in flight
    /// [`Payments`](crate::Payments) takes it from there.
    cancel_order(CancelOrder) -> Order(Order);
    /// Calls a pending order off whose time to be paid is over; [`expire_orders`](Self::expire_orders) finds them.
    expire_order(ExpireOrder) -> Order(Order);
    /// Says that a paid order is on its way.
    ship_order(ShipOrder) -> Order(Order);
    /// Says that a shipped order has reached its customer.
    deliver_order(DeliverOrder) -> Order(Order);
    /// Gives money of a paid order back; what goes through the gateway [`Payments`](crate::Payments) takes from there.
    refund_order(RefundOrder) -> Refund(Refund);
    /// Books what became of a refund at the gateway.
    settle_refund(SettleRefund) -> Refund(Refund);
    /// Begins a card payment of a pending order; [`Payments`](crate::Payments) takes it from there.
    start_card_payment(StartCardPayment) -> Charge(Charge);
    /// Records a wish for money from a card into a wallet; [`Payments`](crate::Payments) takes it from there.
    request_top_up(RequestTopUp) -> TopUp(TopUp);
    /// Books what became of a charge at the gateway.
    settle_charge(SettleCharge) -> Charge(Charge);
}
