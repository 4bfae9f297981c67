//! What one location saw is never known at another one of the same plugin.

use siltstone::ErrorKind::Denied;
use siltstone::plugin::Location;
use siltstone_hostile::{Behaviour, Order};

use super::house::{House, Plan};
use super::trial::Call::{Head, Put};
use super::trial::make;
use super::trials;

trials! {
    @ Remembers by what_one_location_saw_is_not_known_at_another;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_location_saw_is_not_known_at_another() {
    let house = House::new(Plan::default()).await;
    let hostile = house.hostile(Order::of(Behaviour::Remembers)).await.unwrap();
    let at = |path: &str| Location { bucket: None, path: Some(path.to_owned()) };
    let (first, second) =
        (hostile.open(&at("first")).await.unwrap(), hostile.open(&at("second")).await.unwrap());
    let told = async |storage: &siltstone::plugin::PluginStorage, name: &str| {
        let error = make(storage, Head, name).await.unwrap_err();
        assert!(error.is(Denied), "{error}");
        error.to_string()
    };

    make(&*first, Put, "bad/of-the-first").await.unwrap();
    // A static of an instance outlives a call, so the first location does remember itself ...
    let text = told(&first, "bad/again").await;
    assert!(text.contains("first remembers [\"first: bad/of-the-first\"] and something cached"), "{text}");
    // ... and the second one knows nothing of it, neither by its instance nor by the cache.
    let text = told(&second, "bad/x").await;
    assert!(text.contains("second remembers [] and nothing cached"), "{text}");

    // Nor does it when the calls of both come in turn and at once.
    for turn in 0..20 {
        let (a, b) = (format!("bad/a{turn}"), format!("bad/b{turn}"));
        let (a, b) = tokio::join!(told(&first, &a), told(&second, &b));
        assert!(!a.contains("second") && !b.contains("first"), "{a}\n{b}");
    }
    // A location that is opened anew begins with nothing, whatever another configuration of the same plugin did.
    let again = house.hostile(Order::of(Behaviour::Remembers)).await.unwrap();
    let text = told(&*again.open(&at("first")).await.unwrap(), "bad/y").await;
    assert!(text.contains("first remembers [] and nothing cached"), "{text}");
    house.assert_undisturbed().await;
}
