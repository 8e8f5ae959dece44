use super::*;

fn app(name: &str, rate: f64) -> Activity {
    Activity {
        name: name.to_owned(),
        state: "running".to_owned(),
        profile: Some("default".to_owned()),
        workers: Some(4),
        busy: Some(1),
        queue: Some(2),
        running: Some(1),
        rate: Some(rate),
        p50: Some(0.5),
        p99: Some(12.25),
        accepted: Some(1_000),
        rejected: Some(0),
        crashed: Some(3),
        uptime: Some(3_700),
    }
}

fn sample(names: impl IntoIterator<Item = String>) -> Sample {
    let apps = names.into_iter().zip(1_u32..).map(|(name, rate)| app(&name, rate.into())).collect();
    Sample { time: "2026-01-02T03:04:05.000Z".to_owned(), apps }
}

fn screen(size: (u16, u16), names: &[&str]) -> AppScreen {
    let mut screen = AppScreen::new("cloud:10053", SortKey::Name, "");
    screen.resize(size.0, size.1);
    screen.update(Ok(sample(names.iter().map(|name| (*name).to_owned()))));
    screen
}

fn text(screen: &AppScreen) -> String {
    let lines = screen.lines();
    let texts = lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect::<String>());
    texts.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Returns the names of the apps that are shown.
fn names(screen: &AppScreen) -> Vec<String> {
    let text = text(screen);
    let lines: Vec<_> = text.lines().collect();
    let apps = lines[3..lines.len() - 1].iter().filter_map(|line| line.split_whitespace().next());
    apps.map(str::to_owned).collect()
}

fn press(screen: &mut AppScreen, keys: &str) {
    for key in keys.chars() {
        assert!(!screen.press(ScreenKey::Char(key)), "{key}");
    }
}

#[test]
fn screen_has_summary_apps_and_keys() {
    let screen = screen((100, 6), &["shop", "links"]);
    assert_eq!(
        text(&screen),
        "cloud:10053  2 apps, 2 running; 8 workers, 2 busy; 4 events queued, 3.0/s\n\
         2026-01-02T03:04:05.000Z\n\
         vNAME        STATE    WORKERS  BUSY   QUEUE       RATE       P50       P99 REJECTED CRASHED   UPTIME\n\
         links        running        4     1       2        2.0       0.5      12.2        0       3   1h 01m\n\
         shop         running        4     1       2        1.0       0.5      12.2        0       3   1h 01m\n\
         q quit  / filter  n name  s state  w workers  d queue  r rate  l latency  x rejected  c crashed  t u"
    );
}

#[test]
fn screen_without_sample_has_no_numbers() {
    let mut screen = AppScreen::new("cloud:10053", SortKey::Name, "");
    assert!(text(&screen).starts_with("cloud:10053\nwaiting for the node\n"), "{}", text(&screen));
    screen.update(Err("refused".to_owned()));
    assert!(text(&screen).starts_with("cloud:10053\nthe node is away: refused\n"), "{}", text(&screen));
    screen.update(Ok(sample([])));
    assert!(text(&screen).contains("0 events queued, 0.0/s"), "{}", text(&screen));
}

#[test]
fn lines_never_exceed_the_terminal() {
    let long = "x".repeat(500);
    let mut screen =
        screen((80, 24), &["a", &long, "日本語のアプリケーションの名前はとても長いです", "\u{1b}[2J"]);
    screen.update(Err("\u{1b}[2J it is away\n".repeat(50)));
    for (columns, rows) in [(0, 0), (1, 1), (5, 3), (20, 10), (79, 24), (1_000, 500)] {
        screen.resize(columns, rows);
        let lines = screen.lines();
        assert_eq!(lines.len(), usize::from(rows));
        for line in lines {
            let width: usize = line.iter().map(|(_, text)| text_width(text)).sum();
            assert!(width <= usize::from(columns), "{columns}: {line:?}");
            assert!(line.iter().all(|(_, text)| !text.contains(char::is_control)), "{line:?}");
        }
    }
}

#[test]
fn keys_sort_and_reverse() {
    let mut screen = screen((80, 10), &["b", "c", "a"]);
    assert_eq!(names(&screen), ["a", "b", "c"]);
    press(&mut screen, "r");
    assert_eq!(names(&screen), ["a", "c", "b"]);
    press(&mut screen, "r");
    assert_eq!(names(&screen), ["b", "c", "a"]);
    press(&mut screen, "w");
    assert_eq!(names(&screen), ["a", "b", "c"], "equal ones are in the order of their names");
    press(&mut screen, "nn");
    assert_eq!(names(&screen), ["c", "b", "a"]);
    assert!(screen.press(ScreenKey::Char('q')));
}

#[test]
fn apps_are_scrolled_within_their_bounds() {
    let many: Vec<_> = (0..500).map(|number| format!("app{number:03}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let mut screen = screen((80, 14), &many);
    let first = |screen: &AppScreen| names(screen)[0].clone();
    assert_eq!((names(&screen).len(), first(&screen).as_str()), (10, "app000"));
    for (key, expected) in [
        (ScreenKey::Up, "app000"),
        (ScreenKey::Down, "app001"),
        (ScreenKey::PageDown, "app011"),
        (ScreenKey::End, "app490"),
        (ScreenKey::PageDown, "app490"),
        (ScreenKey::PageUp, "app480"),
        (ScreenKey::Home, "app000"),
    ] {
        screen.press(key);
        assert_eq!(first(&screen), expected, "{key:?}");
    }
    screen.press(ScreenKey::End);
    assert!(text(&screen).contains("491 to 500 of 500"));
    screen.update(Ok(sample(["only".to_owned()])));
    assert_eq!(names(&screen), ["only"], "fewer apps are shown from the first one");
}

#[test]
fn filter_is_typed_and_removed() {
    let mut screen = screen((80, 10), &["shop", "quiz", "links"]);
    press(&mut screen, "/qu");
    assert_eq!(names(&screen), ["quiz"]);
    assert!(text(&screen).contains("/qu_"));
    screen.press(ScreenKey::Backspace);
    screen.press(ScreenKey::Enter);
    assert!(text(&screen).contains("/q"));
    assert_eq!(names(&screen), ["quiz"]);
    screen.press(ScreenKey::Escape);
    assert_eq!(names(&screen).len(), 3);
}

#[test]
fn node_that_is_away_keeps_its_last_sample() {
    let mut screen = screen((80, 10), &["shop"]);
    screen.update(Err("connection refused".to_owned()));
    let shown = text(&screen);
    assert!(shown.contains("the node is away since 2026-01-02T03:04:05.000Z: connection refused"), "{shown}");
    assert_eq!(names(&screen), ["shop"]);
    screen.update(Ok(sample(["shop".to_owned()])));
    assert!(!text(&screen).contains("away"));
}
