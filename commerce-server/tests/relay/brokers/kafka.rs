//! Kafka, on the cluster of brokers that librdkafka has for tests: its protocol, leaders and partitions are real, its disk is
//! memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use commerce_server::sink::kafka::{Kafka, Topic};
use commerce_server::sink::{Outgoing, Sink};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::mocking::MockCluster;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;

use super::{Broker, on_broker};

const TOPIC: &str = "commerce.events";
const PARTITIONS: i32 = 4;
const BROKERS: i32 = 3;

/// What the thread of the cluster, which cannot leave it, is told.
enum Told {
    Down,
    Up,
}

struct Cluster {
    brokers: String,
    tell: Option<Sender<(Told, Sender<()>)>>,
    thread: Option<JoinHandle<()>>,
}

fn run(tell: &Sender<String>, told: &Receiver<(Told, Sender<()>)>) {
    let cluster = MockCluster::new(BROKERS).expect("a cluster");
    cluster.create_topic(TOPIC, PARTITIONS, BROKERS).expect("a topic");
    tell.send(cluster.bootstrap_servers()).expect("a test");
    while let Ok((told, done)) = told.recv() {
        for broker in 1..=BROKERS {
            match told {
                Told::Down => cluster.broker_down(broker).expect("a broker"),
                Told::Up => cluster.broker_up(broker).expect("a broker"),
            }
        }
        done.send(()).expect("a test");
    }
}

impl Cluster {
    fn tell(&self, told: Told) {
        let (done, is_done) = channel();
        self.tell.as_ref().expect("at work").send((told, done)).expect("a cluster");
        is_done.recv().expect("a cluster");
    }

    fn sink_of(&self, topic: &str) -> Kafka {
        let topic = Topic { brokers: self.brokers.clone(), name: topic.to_owned(), patience: Duration::from_secs(60) };
        // Away is away: a broker that is back is not to be waited for longer than the test waits.
        let soon = [("reconnect.backoff.max.ms".to_owned(), "100".to_owned())];
        Kafka::new(topic, soon).expect("a sink")
    }

    /// Partition, key and event of every record.
    fn records(&self) -> Vec<(i32, String, Value)> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "test")
            .create()
            .expect("a consumer");
        let (mut places, mut count) = (TopicPartitionList::new(), 0);
        for partition in 0..PARTITIONS {
            places.add_partition_offset(TOPIC, partition, Offset::Beginning).expect("a place");
            let (low, high) = consumer.fetch_watermarks(TOPIC, partition, Duration::from_secs(60)).expect("its ends");
            count += high - low;
        }
        consumer.assign(&places).expect("an assignment");
        let mut records = Vec::new();
        while i64::try_from(records.len()).expect("few") < count {
            let record = consumer.poll(Duration::from_secs(60)).expect("a record within a minute").expect("a record");
            let key = String::from_utf8(record.key().expect("a key").to_vec()).expect("text");
            let event = serde_json::from_slice(record.payload().expect("an event")).expect("JSON");
            let header = record.headers().expect("headers").get(0);
            assert_eq!(header.key, "content-type");
            records.push((record.partition(), key, event));
        }
        records
    }
}

impl Broker for Cluster {
    async fn start() -> Self {
        let (tell, told) = channel();
        let (tell_brokers, brokers) = channel();
        let thread = std::thread::spawn(move || run(&tell_brokers, &told));
        Self { brokers: brokers.recv().expect("a cluster"), tell: Some(tell), thread: Some(thread) }
    }

    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.sink_of(TOPIC))
    }

    async fn events(&self) -> Vec<Value> {
        let records = tokio::task::block_in_place(|| self.records());
        let mut partitions: BTreeMap<String, i32> = BTreeMap::new();
        for (partition, key, event) in &records {
            assert_eq!(event["subject"], key.as_str());
            assert_eq!(partitions.entry(key.clone()).or_insert(*partition), partition, "one order, one partition");
        }
        records.into_iter().map(|(_, _, event)| event).collect()
    }

    fn stop(&mut self) {
        self.tell(Told::Down);
    }

    fn resume(&mut self) {
        self.tell(Told::Up);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tell = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

on_broker!(Cluster);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kafka_refuses_is_not_delivered_and_says_why() {
    let cluster = Cluster::start().await;
    let body = Bytes::from(vec![b'x'; 2_000_000]);
    let kind = "order.placed.v1".to_owned();
    let large = Outgoing { id: 7.try_into().expect("an id"), key: "42".to_owned(), kind, body };
    let words = cluster.sink_of(TOPIC).deliver(&[large]).await;
    let error = words.into_iter().next().expect("a word").expect_err("too large");
    assert!(error.contains("size") || error.contains("Size"), "{error}");
}

#[test]
fn a_property_that_is_none_is_refused() {
    let topic =
        || Topic { brokers: "localhost:9".to_owned(), name: TOPIC.to_owned(), patience: Duration::from_secs(1) };
    let refused = Kafka::new(topic(), [("no.such.thing".to_owned(), "1".to_owned())]).expect_err("no property");
    assert!(refused.contains("no.such.thing"), "{refused}");
    // What the sink promises is not for a property to take back.
    assert!(Kafka::new(topic(), [("acks".to_owned(), "0".to_owned())]).is_ok());
}
