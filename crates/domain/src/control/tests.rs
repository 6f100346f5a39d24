use super::*;

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant")
}

fn switch(scope: &str, mode: Mode) -> Switch {
    Switch {
        scope: Scope::parse(scope).expect("a scope"),
        mode,
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::from_unix_ms(0),
        until: None,
    }
}

fn effect(switches: &[Switch], name: &str, group: Option<u128>) -> Effect {
    Effect::of(
        switches,
        ColoId(1),
        &tenant(name),
        group.map(GroupId::from_u128),
    )
}

#[test]
fn every_mode_and_scope_has_a_word_that_leads_back_to_it() {
    for mode in Mode::ALL {
        assert_eq!(Mode::parse(mode.as_str()), Some(mode));
    }
    let group = GroupId::new(ColoId(1), 77);
    for scope in [
        Scope::Global,
        Scope::Colo(ColoId(7)),
        Scope::Tenant(tenant("acme")),
        Scope::Group(group),
    ] {
        assert_eq!(Scope::parse(&scope.text()), Some(scope));
    }
    for text in [
        "",
        "globe",
        "colo:",
        "colo:x",
        "colo:70000",
        "tenant:",
        "group:1",
        "acme",
    ] {
        assert_eq!(Scope::parse(text), None, "{text}");
    }
}

#[test]
fn a_switch_concerns_its_scope_and_nothing_else() {
    let group = GroupId::new(ColoId(1), 77);
    let table = [
        ("global".to_owned(), [true, true, true]),
        ("colo:1".to_owned(), [true, true, true]),
        ("colo:2".to_owned(), [false, false, false]),
        ("tenant:a".to_owned(), [true, true, false]),
        (format!("group:{group}"), [true, false, false]),
    ];
    for (scope, expected) in table {
        let switches = [switch(&scope, Mode::Freeze)];
        let hit = |name, group| effect(&switches, name, group) == Effect::FROZEN;
        let got = [
            hit("a", Some(group.as_u128())),
            hit("a", None),
            hit("b", Some(1)),
        ];
        assert_eq!(got, expected, "{scope}");
    }
}

#[test]
fn what_stands_at_several_scopes_adds_up() {
    let switches = [
        switch("global", Mode::Run),
        switch("colo:1", Mode::NoCreate),
        switch("tenant:a", Mode::NoDelete),
        switch("tenant:b", Mode::Slow),
    ];
    assert_eq!(effect(&switches, "a", None), Effect::FROZEN);
    let b = effect(&switches, "b", None);
    assert_eq!((b.no_create, b.no_delete, b.slow), (true, false, true));
    assert_eq!(effect(&switches[..1], "a", None), Effect::default());
}

#[test]
fn a_switch_ends_at_its_time() {
    let until = Timestamp::from_unix_ms(1_000);
    let switch = Switch {
        until: Some(until),
        ..switch("global", Mode::Freeze)
    };
    assert!(switch.stands(Timestamp::from_unix_ms(999)));
    assert!(!switch.stands(until));
}

#[test]
fn a_break_glass_file_is_read_line_by_line_and_nonsense_freezes() {
    type Expected<'a> = &'a [(&'a str, Mode, &'a str)];
    let table: [(&str, Expected<'_>); 6] = [
        ("", &[]),
        ("\n# freeze global\n \n", &[]),
        (
            "freeze global nova is melting\n",
            &[("global", Mode::Freeze, "nova is melting")],
        ),
        (
            "  no-create\ttenant:a\r\nslow colo:1 x",
            &[
                ("tenant:a", Mode::NoCreate, ""),
                ("colo:1", Mode::Slow, "x"),
            ],
        ),
        (
            "stop it",
            &[("global", Mode::Freeze, "a line cannot be read")],
        ),
        (
            "freeze",
            &[("global", Mode::Freeze, "a line cannot be read")],
        ),
    ];
    for (text, expected) in table {
        let got = break_glass(text, Timestamp::from_unix_ms(7));
        let got: Vec<_> = got
            .iter()
            .map(|s| (s.scope.text(), s.mode, s.why.clone()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(scope, mode, why)| ((*scope).to_owned(), *mode, (*why).to_owned()))
            .collect();
        assert_eq!(got, expected, "{text:?}");
    }
}
