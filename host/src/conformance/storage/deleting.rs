//! Deletes.

use super::context::{Context, Verdict, content, ensure};

pub(super) async fn a_deleted_object_is_gone(c: Context) -> Verdict {
    for round in 0..c.check.rounds {
        let name = format!("dir/k{round}");
        c.put(&name, &content(100, round)).await?;
        c.delete(&[c.key(&name)?]).await?;
        c.lacks(&name).await?;
    }
    Ok(())
}

pub(super) async fn a_missing_key_counts_as_deleted(c: Context) -> Verdict {
    c.delete(&[c.key("missing")?]).await?;
    c.delete(&[c.key("missing/below")?]).await?;
    c.put("there", &content(10, "there")).await?;
    c.delete(&[c.key("missing")?, c.key("there")?, c.key("there/below")?]).await?;
    c.lacks("there").await
}

pub(super) async fn a_delete_takes_only_the_keys_it_names(c: Context) -> Verdict {
    let names = ["a/b", "a/bc", "ab", "x/1", "x/2"];
    for name in names {
        c.put(name, &content(10, name)).await?;
    }
    for (gone, left) in [
        ("a/b", ["a/bc", "ab", "x/1", "x/2"].as_slice()),
        ("a", &["a/bc", "ab", "x/1", "x/2"]),
        ("x/1", &["a/bc", "ab", "x/2"]),
        ("x/2", &["a/bc", "ab"]),
        ("x", &["a/bc", "ab"]),
    ] {
        c.delete(&[c.key(gone)?]).await?;
        for name in left {
            c.holds(name, &content(10, name)).await?;
        }
        let listed = c.names().await?;
        ensure!(listed == left, "after the delete of `{gone}` are listed {listed:?}");
    }
    Ok(())
}

pub(super) async fn a_deleted_key_can_be_put_again(c: Context) -> Verdict {
    for round in 0..3 {
        let content = content(100, round);
        c.put("dir/k", &content).await?;
        c.holds("dir/k", &content).await?;
        c.delete(&[c.key("dir/k")?]).await?;
        c.lacks("dir/k").await?;
    }
    Ok(())
}
