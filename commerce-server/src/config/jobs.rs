//! When the jobs run.

use clap::Args;

use crate::work::scheduler::cron::Schedule;

/// A cron expression in the shop's time zone for each job (minute, hour, day of the month, month, day of the week, seconds in
/// front of them if there are six), or `off`: then it runs when an operator asks for it. All processes on a database are to
/// have the same; the one that starts last decides.
#[derive(Debug, Clone, Args)]
pub struct JobSettings {
    /// When to tell the sales of the days that are over anew: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_DAILY_SALES", default_value = "10 0 * * *", value_parser = schedule, global = true)]
    pub job_daily_sales: Schedule,
    /// When to end unpaid orders whose time is over: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_ORDER_EXPIRY", default_value = "*/5 * * * * *", value_parser = schedule, global = true)]
    pub job_order_expiry: Schedule,
    /// When to mark copies of coupons whose time is over: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_COUPON_EXPIRY", default_value = "*/30 * * * * *", value_parser = schedule, global = true)]
    pub job_coupon_expiry: Schedule,
    /// When to ask the gateway about quiet payments: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_PAYMENT_RECONCILIATION", default_value = "*/30 * * * * *", value_parser = schedule, global = true)]
    pub job_payment_reconciliation: Schedule,
    /// When to prove the books: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_RECONCILIATION", default_value = "0 4 * * *", value_parser = schedule, global = true)]
    pub job_reconciliation: Schedule,
    /// When to forget events that every sink has and idempotency keys: a cron expression in the shop's time zone, or `off`.
    #[arg(long, env = "COMMERCE_JOB_PRUNING", default_value = "*/10 * * * *", value_parser = schedule, global = true)]
    pub job_pruning: Schedule,
}

fn schedule(text: &str) -> Result<Schedule, String> {
    text.parse().map_err(|error: crate::work::scheduler::cron::ScheduleError| error.to_string())
}
