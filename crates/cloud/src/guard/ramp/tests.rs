use super::*;

#[test]
fn it_doubles_every_ten_seconds_until_it_is_whole() {
    let at = |seconds| Mono::START + Duration::from_secs(seconds);
    let mut ramp = Ramp::default();
    assert_eq!(ramp.share(at(0)), 1_000);
    ramp.restart(at(100));
    let table = [
        (90, 125),
        (100, 125),
        (109, 125),
        (110, 250),
        (120, 500),
        (129, 500),
        (130, 1_000),
    ];
    for (now, share) in table {
        assert_eq!(ramp.share(at(now)), share, "at {now}");
    }
    assert_eq!(ramp.share(at(105)), 1_000, "whole is whole");
    ramp.restart(at(200));
    ramp.restart(at(150));
    assert_eq!(ramp.share(at(205)), 125, "the later start counts");
}
