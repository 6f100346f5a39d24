use super::*;

/// Whether the text is an id, and that its text form is the text again.
fn check<T: FromStr + fmt::Display>(text: &str, ok: bool) {
    let parsed = text.parse::<T>().ok().map(|id| id.to_string());
    assert_eq!(parsed.as_deref(), ok.then_some(text), "{text:?}");
}

#[test]
fn text_forms_are_read_back_and_nothing_else_is() {
    check::<TenantId>("acme-1_x.y", true);
    check::<TenantId>("", false);
    check::<TenantId>("a/b", false);
    check::<TenantId>(&"a".repeat(64), true);
    check::<TenantId>(&"a".repeat(65), false);
    check::<EventId>("alert:42/firing", true);
    check::<EventId>("a b", false);
    check::<EventId>("ä", false);
    check::<PolicyId>("scale-up", true);
    check::<PolicyId>("a.b", false);
    check::<ServerId>("0190163d-8694-739b-aea5-966c26f8ad91", true);
    check::<ServerId>("0190163d", false);
    check::<LaunchHash>(&"0f".repeat(32), true);
    check::<LaunchHash>(&"0f".repeat(31), false);
    check::<LaunchHash>(&"zz".repeat(32), false);
}

#[test]
fn a_slot_id_is_26_characters_in_the_order_of_its_bits() {
    for bits in [0, 1, 31, 32, u128::from(u64::MAX), u128::MAX] {
        let id = SlotId::from_u128(bits);
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (26, Ok(id)));
    }
    assert!(SlotId::from_u128(1).to_string() < SlotId::from_u128(32).to_string());
    check::<SlotId>("7zzzzzzzzzzzzzzzzzzzzzzzzz", true);
    check::<SlotId>("8zzzzzzzzzzzzzzzzzzzzzzzzz", false);
    check::<SlotId>("0000000000000000000000000I", false);
    check::<SlotId>("", false);
}

#[test]
fn a_group_id_names_its_colo_and_is_a_uuid_of_version_8() {
    let id = GroupId::new(ColoId(0x1234), u128::MAX);
    assert_eq!(id.home(), Some(ColoId(0x1234)));
    assert_eq!(id.to_string().as_bytes()[14], b'8');
}
