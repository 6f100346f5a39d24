//! What numbers messages have.

use super::*;

#[test]
fn a_group_that_comes_back_from_a_backup_gives_no_number_twice() {
    let told = hook(&[Point::BeforeActive], None);
    let backup = with_hooks(&[("a", told)]);
    let mut group = backup.clone();
    boot(&mut group, 10);
    let before: Vec<_> = group.outbox.keys().copied().collect();
    assert_eq!(before, [AT_TEN]);
    let mut group = backup;
    boot(&mut group, 40);
    let after: Vec<_> = group.outbox.keys().copied().collect();
    assert_eq!(after, [DeliveryId(AT_TEN.0 + 30_000)]);
}
