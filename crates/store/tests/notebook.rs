//! Notes: one book a community and owner, small values.

use guildhall_core::{TenantId, notebook::Notebook};
use guildhall_store::{NotebookStore, testkit};
use serde_json::json;

#[tokio::test]
async fn a_note_is_read_back_replaced_and_removed() {
    let (ours, theirs): (TenantId, TenantId) = ("ours".parse().unwrap(), "theirs".parse().unwrap());
    for store in testkit::stores(Vec::new).await {
        let book = NotebookStore::new(store.store());
        assert_eq!(book.get(&ours, "discord", "thread").await.unwrap(), None, "on {}", store.name);
        book.put(&ours, "discord", "thread", json!({"b": 1, "a": 2})).await.unwrap();
        book.put(&ours, "discord", "thread", json!({"b": 3, "a": "\u{0}"})).await.unwrap();
        book.put(&ours, "servers", "thread", json!(null)).await.unwrap();
        book.put(&theirs, "discord", "thread", json!(5)).await.unwrap();
        let kept = book.get(&ours, "discord", "thread").await.unwrap();
        assert_eq!(kept, Some(json!({"b": 3, "a": "\u{0}"})), "on {}", store.name);

        book.remove(&ours, "discord", "thread").await.unwrap();
        book.remove(&ours, "discord", "thread").await.unwrap();
        assert_eq!(book.get(&ours, "discord", "thread").await.unwrap(), None, "on {}", store.name);
        assert_eq!(
            book.get(&ours, "servers", "thread").await.unwrap(),
            Some(json!(null)),
            "on {}",
            store.name
        );
        assert_eq!(
            book.get(&theirs, "discord", "thread").await.unwrap(),
            Some(json!(5)),
            "on {}",
            store.name
        );
    }
}

#[tokio::test]
async fn a_note_has_a_bound() {
    let ours: TenantId = "ours".parse().unwrap();
    for store in testkit::stores(Vec::new).await {
        let book = NotebookStore::new(store.store());
        book.put(&ours, "discord", "full", json!("x".repeat(65_534))).await.unwrap();
        let refused = book.put(&ours, "discord", "full", json!("x".repeat(65_535))).await.unwrap_err();
        assert_eq!(refused.code, "too_large", "on {}", store.name);
        let kept = book.get(&ours, "discord", "full").await.unwrap();
        assert_eq!(
            kept,
            Some(json!("x".repeat(65_534))),
            "the refused one replaced nothing, on {}",
            store.name
        );
    }
}
