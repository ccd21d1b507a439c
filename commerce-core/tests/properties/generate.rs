//! Values for the properties: amounts, texts, commands, and the records that outcomes are made of.

use commerce_core::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, Basket, BasketLines, CancelOrder, CartLines,
    ChargeReport, ClearCart, Command, Coupon, CouponCode, CouponId, CouponRef, CouponScope, CreateCoupon,
    CreateProduct, Currency, CustomerId, DeliverOrder, Deposit, Discount, ExpireIssuedCoupon, ExpireOrder,
    GatewayPayment, GatewayStatus, Id, ImportItem, ImportProducts, IssueCoupon, IssuedCoupon, IssuedCouponId,
    IssuedCouponStatus, LineRequest, MAX_MINOR, MergeCart, Money, Name, NewVariant, Note, OrderId, PayOrder,
    PaymentMethod, Percent, PlaceOrder, PriceRules, PriceTier, Principal, Product, ProductId, ProductStatus, Quantity,
    RefundDestination, RefundLineRequest, RefundOrder, RefundReport, RegisterCustomer, RemoveCartItem, RequestTopUp,
    RevokeCoupon, ScheduledPrice, SettleCharge, SettleRefund, ShipOrder, Sku, Stacking, StartCardPayment, Timestamp,
    UpdateCartItem, UpdateCoupon, UpdateProduct, UpdateVariant, Username, Variant, VariantId, Window,
};
use proptest::option::of;
use proptest::prelude::*;
use rust_decimal::Decimal;

pub(crate) const KRW: Currency = Currency::KRW;

pub(crate) fn krw(minor: i64) -> Money {
    Money::new(minor, KRW).expect("within the bound")
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn id<I: Id>(raw: i64) -> I {
    I::from_raw(raw.try_into().expect("not zero"))
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn currency() -> impl Strategy<Value = Currency> + Clone {
    prop::sample::select(Currency::all().collect::<Vec<_>>())
}

/// Small, large and extreme, either sign.
pub(crate) fn minor() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![-1_000..=1_000_i64, -MAX_MINOR..=MAX_MINOR, Just(MAX_MINOR), Just(-MAX_MINOR)]
}

pub(crate) fn money() -> impl Strategy<Value = Money> + Clone {
    (minor(), currency()).prop_map(|(minor, currency)| Money::new(minor, currency).expect("within the bound"))
}

pub(crate) fn instant() -> impl Strategy<Value = Timestamp> + Clone {
    prop_oneof![(0..=253_402_300_799_999_999_i64), (1_700_000_000_000_000..=1_900_000_000_000_000_i64)]
        .prop_map(Timestamp::from_micros)
}

pub(crate) fn any_id<I: Id + std::fmt::Debug>() -> impl Strategy<Value = I> + Clone {
    prop_oneof![1..=20_i64, 1..=i64::MAX, Just(i64::MAX)].prop_map(id)
}

pub(crate) fn any_name() -> impl Strategy<Value = Name> + Clone {
    "[a-zA-Z가-힣\"\\\\/é]([ -~가-힣]{0,20}[!-~])?".prop_map(|text| Name::new(text).expect("a name"))
}

pub(crate) fn any_note() -> impl Strategy<Value = Note> + Clone {
    "[a-z\"\\\\é]([ -~\n\t]{0,20}[!-~])?".prop_map(|text| Note::new(text).expect("a note"))
}

pub(crate) fn any_sku() -> impl Strategy<Value = Sku> + Clone {
    "[A-Z0-9_-]{1,12}".prop_map(|text| Sku::new(text).expect("a SKU"))
}

fn code() -> impl Strategy<Value = CouponCode> + Clone {
    "[A-Z0-9_-]{1,12}".prop_map(|text| CouponCode::new(text).expect("a code"))
}

pub(crate) fn username() -> impl Strategy<Value = Username> + Clone {
    "[a-z0-9.@+_-]{1,12}".prop_map(|text| Username::new(text).expect("a username"))
}

pub(crate) fn principal() -> impl Strategy<Value = Principal> + Clone {
    let operator = "[!-~]{1,12}".prop_map(|text| Principal::Operator(text.parse().expect("a name")));
    prop_oneof![any_id().prop_map(Principal::Customer), operator, Just(Principal::System)]
}

pub(crate) fn method() -> impl Strategy<Value = PaymentMethod> + Clone {
    prop_oneof![Just(PaymentMethod::Wallet), Just(PaymentMethod::Card)]
}

pub(crate) fn product_status() -> impl Strategy<Value = ProductStatus> + Clone {
    prop_oneof![Just(ProductStatus::OnSale), Just(ProductStatus::Paused), Just(ProductStatus::Discontinued)]
}

pub(crate) fn discount() -> impl Strategy<Value = Discount> + Clone {
    let rate = (1..=1_000_000_i64).prop_map(|rate| Percent::new(Decimal::new(rate, 4)).expect("a percentage"));
    prop_oneof![
        money().prop_map(Discount::Amount),
        (rate, of(money())).prop_map(|(rate, cap)| Discount::Percent { rate, cap }),
    ]
}

pub(crate) fn coupon_scope() -> impl Strategy<Value = CouponScope> + Clone {
    let products = prop::collection::btree_set(any_id(), 0..4);
    prop_oneof![Just(CouponScope::Order), products.prop_map(CouponScope::Products)]
}

pub(crate) fn stacking() -> impl Strategy<Value = Stacking> + Clone {
    prop_oneof![Just(Stacking::Exclusive), Just(Stacking::Stackable)]
}

pub(crate) fn window() -> impl Strategy<Value = Window> + Clone {
    (instant(), of(instant())).prop_map(|(from, until)| Window { from, until })
}

fn new_variant() -> impl Strategy<Value = NewVariant> + Clone {
    (any_sku(), of(any_name()), money(), any::<u64>()).prop_map(|(sku, option_name, additional_price, stock)| {
        NewVariant { sku, option_name, additional_price, stock }
    })
}

fn basket() -> impl Strategy<Value = Basket> + Clone {
    let lines = prop_oneof![
        4 => prop::collection::vec(line(), 0..4).prop_map(BasketLines::Given),
        1 => of(0..=9_u64).prop_map(|cart_version| BasketLines::Cart(CartLines { cart_version })),
    ];
    (lines, prop::collection::vec(any_id(), 0..3)).prop_map(|(lines, coupons)| Basket { lines, coupons })
}

fn line() -> impl Strategy<Value = LineRequest> + Clone {
    (any_id(), quantity()).prop_map(|(variant_id, quantity)| LineRequest { variant_id, quantity })
}

pub(crate) fn quantity() -> impl Strategy<Value = Quantity> + Clone {
    (1..=1_000_000_i64).prop_map(|quantity| Quantity::new(quantity).expect("a quantity"))
}

fn cart_edit() -> impl Strategy<Value = Command> {
    let version = || of(0..=9_u64);
    prop_oneof![
        (any_id(), line()).prop_map(|(customer_id, LineRequest { variant_id, quantity })| AddCartItem {
            customer_id,
            variant_id,
            quantity
        }
        .into()),
        (any_id(), line(), version()).prop_map(
            |(customer_id, LineRequest { variant_id, quantity }, expected_version)| {
                UpdateCartItem { customer_id, variant_id, quantity, expected_version }.into()
            }
        ),
        (any_id(), any_id(), version()).prop_map(|(customer_id, variant_id, expected_version)| RemoveCartItem {
            customer_id,
            variant_id,
            expected_version
        }
        .into()),
        (any_id(), version())
            .prop_map(|(customer_id, expected_version)| ClearCart { customer_id, expected_version }.into()),
        (any_id(), prop::collection::vec(line(), 0..4)).prop_map(|(customer_id, lines)| MergeCart {
            customer_id,
            lines
        }
        .into()),
    ]
}

pub(crate) fn destination() -> impl Strategy<Value = RefundDestination> + Clone {
    prop_oneof![Just(RefundDestination::Wallet), Just(RefundDestination::Gateway)]
}

fn refund_order() -> impl Strategy<Value = RefundOrder> + Clone {
    let line = (any::<u32>(), 1..=1_000_000_i64).prop_map(|(position, quantity)| RefundLineRequest {
        position,
        quantity: Quantity::new(quantity).expect("a quantity"),
    });
    let lines = of(prop::collection::vec(line, 0..4));
    (any_id(), lines, any::<bool>(), of(destination()), of(any_note())).prop_map(
        |(order_id, lines, restock, destination, reason)| RefundOrder { order_id, lines, restock, destination, reason },
    )
}

/// Any command whatever, sensible or not.
pub(crate) fn command() -> BoxedStrategy<Command> {
    let version = || of(0..=9_u64);
    let create_coupon = (
        (of(code()), any_name(), discount(), of(money())),
        (coupon_scope(), stacking(), prop_oneof![Just(0), any::<u16>()], any::<bool>()),
        (of(any::<u32>()), any::<u32>(), window(), any::<bool>()),
    )
        .prop_map(|((code, name, discount, min_subtotal), (scope, stacking, priority, by_code), limits)| {
            let (total_quantity, per_customer_limit, window, active) = limits;
            CreateCoupon {
                code,
                name,
                discount,
                scope,
                stacking,
                priority,
                by_code,
                min_subtotal,
                total_quantity,
                per_customer_limit,
                window,
                active,
            }
        });
    let coupon_ref = prop_oneof![any_id().prop_map(CouponRef::Id), code().prop_map(CouponRef::Code)];
    let catalog = prop_oneof![
        (any_name(), of(any_note()), money(), product_status(), prop::collection::vec(new_variant(), 0..4)).prop_map(
            |(name, description, base_price, status, variants)| {
                CreateProduct { name, description, base_price, status, variants }.into()
            }
        ),
        (any_id(), version(), of(any_name()), of(money()), of(product_status())).prop_map(
            |(product_id, expected_version, name, base_price, status)| {
                UpdateProduct { product_id, expected_version, name, base_price, status }.into()
            }
        ),
        (any_id(), new_variant()).prop_map(|(product_id, variant)| AddVariant { product_id, variant }.into()),
        prop::collection::vec(import_item(), 0..3).prop_map(|items| ImportProducts { items }.into()),
        (any_id(), version(), of(money()), of(any::<bool>()), of(price_rules())).prop_map(
            |(variant_id, expected_version, additional_price, active, price_rules)| {
                UpdateVariant { variant_id, expected_version, additional_price, active, price_rules }.into()
            }
        ),
        (any_id(), any::<i64>(), of(any_note())).prop_map(|(variant_id, delta, note)| AdjustStock {
            variant_id,
            delta,
            note
        }
        .into()),
    ];
    let customers = prop_oneof![
        (of(any_id()), username(), any_name()).prop_map(|(customer_id, username, name)| RegisterCustomer {
            customer_id,
            username,
            name
        }
        .into()),
        (any_id(), money(), of(any_note())).prop_map(|(customer_id, amount, memo)| Deposit {
            customer_id,
            amount,
            memo
        }
        .into()),
        (any_id(), money(), any_note()).prop_map(|(customer_id, amount, memo)| AdjustWallet {
            customer_id,
            amount,
            memo
        }
        .into()),
        create_coupon.prop_map(Command::from),
        (any_id(), version(), of(any::<bool>())).prop_map(|(coupon_id, expected_version, active)| {
            UpdateCoupon { coupon_id, expected_version, active }.into()
        }),
        (any_id(), coupon_ref).prop_map(|(customer_id, coupon)| IssueCoupon { customer_id, coupon }.into()),
        (any_id(), proptest::collection::vec(code(), 0..3)).prop_map(|(coupon_id, codes)| AddCodes {
            coupon_id,
            codes
        }
        .into()),
        (any_id(), of(any_note()))
            .prop_map(|(issued_coupon_id, reason)| RevokeCoupon { issued_coupon_id, reason }.into()),
        any_id().prop_map(|issued_coupon_id| ExpireIssuedCoupon { issued_coupon_id }.into()),
    ];
    let orders = prop_oneof![
        (any_id(), basket(), of(method())).prop_map(|(customer_id, basket, payment)| PlaceOrder {
            customer_id,
            basket,
            payment
        }
        .into()),
        (any_id(), method()).prop_map(|(order_id, method)| PayOrder { order_id, method }.into()),
        (any_id(), of(any_note())).prop_map(|(order_id, reason)| CancelOrder { order_id, reason }.into()),
        any_id().prop_map(|order_id| ExpireOrder { order_id }.into()),
        any_id().prop_map(|order_id| ShipOrder { order_id }.into()),
        any_id().prop_map(|order_id| DeliverOrder { order_id }.into()),
        refund_order().prop_map(Command::from),
        (any_id(), any_id(), refund_report())
            .prop_map(|(order_id, refund_id, report)| { SettleRefund { order_id, refund_id, report }.into() }),
    ];
    prop_oneof![5 => catalog, 8 => customers, 5 => cart_edit(), 3 => orders, 3 => cards()].boxed()
}

fn cards() -> impl Strategy<Value = Command> {
    prop_oneof![
        any_id().prop_map(|order_id| StartCardPayment { order_id }.into()),
        (any_id(), money()).prop_map(|(customer_id, amount)| RequestTopUp { customer_id, amount }.into()),
        (any_id(), report()).prop_map(|(charge_id, report)| SettleCharge { charge_id, report }.into()),
    ]
}

fn refund_report() -> impl Strategy<Value = RefundReport> + Clone {
    prop_oneof![Just(RefundReport::Returned), of(any_note()).prop_map(|reason| RefundReport::Refused { reason }),]
}

/// Whatever a gateway may report.
pub(crate) fn report() -> impl Strategy<Value = ChargeReport> + Clone {
    let found =
        (any_name(), any_id(), money(), gateway_status()).prop_map(|(transaction_id, customer_id, amount, status)| {
            ChargeReport::Found(GatewayPayment { transaction_id, customer_id, amount, status })
        });
    prop_oneof![
        6 => found,
        1 => of(any_note()).prop_map(|reason| ChargeReport::Refused { reason }),
        1 => Just(ChargeReport::Refunded),
    ]
}

pub(crate) fn gateway_status() -> impl Strategy<Value = GatewayStatus> + Clone {
    prop_oneof![
        Just(GatewayStatus::Pending),
        Just(GatewayStatus::Approved),
        Just(GatewayStatus::Captured),
        any_note().prop_map(|reason| GatewayStatus::Declined { reason }),
        Just(GatewayStatus::Cancelled),
        Just(GatewayStatus::Refunded),
    ]
}

/// A product on sale, with one variant, per line.
pub(crate) fn draft_records(lines: &[(i64, i64, u32)]) -> Vec<(Product, Variant, u32)> {
    let record = |(raw, (base, more, quantity)): (i64, &(i64, i64, u32))| {
        let (product_id, variant_id): (ProductId, VariantId) = (id(raw), id(raw));
        (product(product_id, *base), variant(variant_id, product_id, *more), *quantity)
    };
    (1..).zip(lines).map(record).collect()
}

pub(crate) fn product(id: ProductId, base: i64) -> Product {
    Product {
        id,
        name: name("a product"),
        description: None,
        base_price: krw(base),
        status: ProductStatus::OnSale,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn import_item() -> impl Strategy<Value = ImportItem> {
    let variants = prop::collection::vec(new_variant(), 0..3);
    prop_oneof![
        (any_name(), of(any_note()), money(), product_status(), variants).prop_map(
            |(name, description, base_price, status, variants)| {
                ImportItem::Product(CreateProduct { name, description, base_price, status, variants })
            }
        ),
        (any_id(), new_variant())
            .prop_map(|(product_id, variant)| ImportItem::Variant(AddVariant { product_id, variant })),
    ]
}

/// Any price rules, kept or refused.
pub(crate) fn price_rules() -> impl Strategy<Value = PriceRules> {
    let tier = (quantity(), money()).prop_map(|(from_quantity, unit_price)| PriceTier { from_quantity, unit_price });
    let scheduled = (window(), money()).prop_map(|(window, unit_price)| ScheduledPrice { window, unit_price });
    (prop::collection::vec(tier, 0..4), prop::collection::vec(scheduled, 0..4))
        .prop_map(|(tiers, scheduled)| PriceRules { tiers, scheduled })
}

pub(crate) fn variant(id: VariantId, product_id: ProductId, more: i64) -> Variant {
    Variant {
        id,
        product_id,
        sku: Sku::new(format!("SKU-{id}")).expect("a SKU"),
        option_name: None,
        additional_price: krw(more),
        active: true,
        price_rules: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A running campaign without limits.
pub(crate) fn coupon(discount: Discount, min_subtotal: Option<i64>) -> Coupon {
    Coupon {
        id: id(1),
        code: None,
        name: name("a coupon"),
        discount,
        scope: CouponScope::Order,
        stacking: Stacking::Exclusive,
        priority: 0,
        by_code: false,
        min_subtotal: min_subtotal.map(krw),
        total_quantity: None,
        per_customer_limit: 1,
        window: Window { from: at(0), until: None },
        active: true,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// Customer 1's copy 1.
pub(crate) fn issued_coupon(coupon_id: CouponId) -> IssuedCoupon {
    IssuedCoupon {
        id: id::<IssuedCouponId>(1),
        coupon_id,
        customer_id: id::<CustomerId>(1),
        status: IssuedCouponStatus::Available,
        order_id: None::<OrderId>,
        issued_at: at(0),
        expires_at: None,
        used_at: None,
        revocation: None,
    }
}
