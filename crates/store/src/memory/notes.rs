//! Notes and searches of the store in memory.

use async_trait::async_trait;

use super::faults::What;
use super::handle::{Handle, count};
use crate::Error;
use crate::note::{Note, Notes, Shelf};
use crate::search::{Page, Search, Wanted, walk};

#[async_trait]
impl Notes for Handle {
    async fn keep(&self, shelf: Shelf, note: &Note, before: Option<&str>) -> Result<bool, Error> {
        self.call(What::Notes, None, |w, _| {
            let place = (shelf, note.id.clone());
            let fits = w.notes.get(&place).map(|there| there.body.as_str()) == before;
            if fits {
                w.notes.insert(place, note.clone());
            }
            fits
        })
        .await
    }

    async fn forget(&self, shelf: Shelf, id: &[u8], body: &str) -> Result<(), Error> {
        self.call(What::Notes, None, |w, _| {
            let place = (shelf, id.to_vec());
            if w.notes.get(&place).is_some_and(|there| there.body == body) {
                w.notes.remove(&place);
            }
        })
        .await
    }

    async fn find(&self, shelf: Shelf, id: &[u8]) -> Result<Option<Note>, Error> {
        self.call(What::Notes, None, |w, _| {
            w.notes.get(&(shelf, id.to_vec())).cloned()
        })
        .await
    }

    async fn newest(
        &self,
        shelf: Shelf,
        before: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<Note>, Error> {
        self.call(What::Notes, None, |w, _| {
            let fits = |(of, id): &(Shelf, Vec<u8>)| {
                *of == shelf && before.is_none_or(|before| id.as_slice() < before)
            };
            let notes = w.notes.iter().rev().filter(|(place, _)| fits(place));
            notes
                .take(count(limit))
                .map(|(_, note)| note.clone())
                .collect()
        })
        .await
    }
}

#[async_trait]
impl Search for Handle {
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
        walk(self, wanted, limit).await
    }
}
