//! Archives that unpack: formats, names, modes and folders.

use super::*;

#[test]
fn archives_unpack_compressed_or_not() {
    let compressed = formats::FORMATS.iter().map(|(_, compress)| compress(&sample().end()));
    for archive in compressed.chain([sample().end()]) {
        let spool = Spool::new();
        spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
        assert_eq!(spool.read("app.sh"), "#!/bin/sh\n");
        assert_eq!(spool.read("lib/here/deep/er/code"), "code");
        assert_eq!(spool.read("lib/deep/up"), "#!/bin/sh\n");
        let (code, same) = ["lib/deep/er/code", "lib/same"].map(|name| spool.app().join(name)).into();
        assert_eq!(code.metadata().unwrap().ino(), same.metadata().unwrap().ino());
        assert!(spool.app().join("old").is_dir());
        assert_eq!(spool.app().join("app.sh").metadata().unwrap().mtime(), 1_000_000_000);
        assert_eq!(spool.app().metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(spool.0.path()).unwrap().count(), 1);
    }
}

#[test]
fn gnu_and_pax_long_names_unpack() {
    let long = format!("{}/{}", "folder".repeat(30), "name".repeat(50));
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    gnu.append_data(&mut header, &long, &b"long"[..]).unwrap();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    gnu.append_link(&mut header, "link", &long).unwrap();
    let mut pax = Builder::new(Vec::new());
    let mut global = Header::new_ustar();
    global.set_entry_type(EntryType::XGlobalHeader);
    global.set_size(0);
    global.set_cksum();
    pax.append(&global, io::empty()).unwrap();
    let names = [("path", long.as_bytes()), ("mtime", b"1.5"), ("size", b"4")];
    pax.append_pax_extensions(names).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(4);
    header.set_mode(0o644);
    header.set_cksum();
    pax.append(&header, &b"long"[..]).unwrap();
    pax.append_pax_extensions([("linkpath", long.as_bytes())]).unwrap();
    header.set_path("link").unwrap();
    header.set_size(0);
    header.set_entry_type(EntryType::Symlink);
    header.set_cksum();
    pax.append(&header, io::empty()).unwrap();
    for archive in [gnu.into_inner().unwrap(), pax.into_inner().unwrap()] {
        let spool = Spool::new();
        spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
        assert_eq!((spool.read(&long), spool.read("link")), ("long".into(), "long".into()));
        assert!(!spool.app().join("short").exists());
    }
}

#[test]
fn earlier_files_are_gone_even_after_errors() {
    let spool = Spool::new();
    spool.unpack(Archive::default().file("old", "")).unwrap();
    spool.unpack(Archive::default().file("new", "")).unwrap();
    assert!(spool.app().join("new").exists() && !spool.app().join("old").exists());
    let result = spool.unpack(Archive::default().file("fine", "").file("../x", ""));
    spool.expect_error(result);
}

#[test]
fn link_at_the_folder_path_is_replaced() {
    let (spool, other) = (Spool::new(), tempfile::tempdir().unwrap());
    fs::write(other.path().join("kept"), "").unwrap();
    std::os::unix::fs::symlink(other.path(), spool.app()).unwrap();
    spool.unpack(Archive::default().file("new", "")).unwrap();
    assert!(spool.app().symlink_metadata().unwrap().is_dir() && other.path().join("kept").exists());
}

#[test]
fn modes_are_kept_without_set_user_id() {
    let spool = Spool::new();
    let mut archive = Archive::default();
    for (name, mode) in [("setuid", 0o6755), ("plain", 0o640), ("none", 0)] {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(0);
        header.set_mode(mode);
        header.set_cksum();
        archive.block(header.as_bytes());
    }
    spool.unpack(archive).unwrap();
    let mode = |name| spool.app().join(name).metadata().unwrap().mode() & 0o7777;
    // The umask of this process leaves the owner's bits.
    assert_eq!([mode("setuid") & !0o077, mode("plain") & !0o077, mode("none")], [0o700, 0o600, 0o600]);
}

#[test]
fn last_entry_of_a_name_replaces_files() {
    let spool = Spool::new();
    let archive = Archive::default().file("other", "other").symlink("x", "other").file("x", "new");
    spool.unpack(archive.link("x", "x")).unwrap();
    assert_eq!((spool.read("other"), spool.read("x")), ("other".into(), "new".into()));
    let archive = Archive::default().file("same", "same").link("x", "same").file("x", "new");
    spool.unpack(archive).unwrap();
    assert_eq!((spool.read("same"), spool.read("x")), ("same".into(), "new".into()));
    assert_refused(Archive::default().folder("x").symlink("x", "."), "\"x\" is in the place of a folder");
    assert_refused(Archive::default().folder("x").file("x", ""), "\"x\" is in the place of a folder");
}

#[test]
fn folder_names_are_unique_per_app() {
    for (app, name) in [
        ("app_v1.0-x", "app_v1.0-x"),
        ("", "%"),
        (".", "%2e"),
        ("..", "%2e."),
        ("a/b", "a%2fb"),
        ("a%2fb", "a%252fb"),
        ("\0é", "%00%c3%a9"),
    ] {
        assert_eq!(folder_name(app), name);
    }
    let long = "x".repeat(64);
    assert_eq!(folder_name(&long), long);
    let (one, other) = (folder_name(&"x".repeat(65)), folder_name(&"x".repeat(66)));
    assert_eq!((one.len(), other.len()), (64, 64));
    assert!(one != other && one.starts_with("xxx"));
    assert_ne!(folder_name(&one), one);
}

#[test]
fn leading_slashes_of_names_are_cut() {
    let spool = Spool::new();
    let archive = Archive::default().folder("/").file("/app.sh", "app").file("//./lib//code", "code");
    spool.unpack(archive.link("/same", "/app.sh").folder("/old/")).unwrap();
    assert_eq!((spool.read("app.sh"), spool.read("lib/code")), ("app".into(), "code".into()));
    assert_eq!(spool.read("same"), "app");
    assert!(spool.app().join("old").is_dir());
}

#[test]
fn symbolic_links_are_written_and_not_followed() {
    let (spool, outside) = (Spool::new(), tempfile::tempdir().unwrap());
    let victim = outside.path().join("victim");
    fs::write(&victim, "outside").unwrap();
    let there = victim.to_str().unwrap();
    let archive = Archive::default().symlink("venv/bin/python3", "/usr/bin/python3").symlink("up", "../../x");
    let archive = archive.symlink("a", there).file("a", "inside").symlink("b", there).link("c", "b");
    spool.unpack(archive).unwrap();
    let target = |name: &str| fs::read_link(spool.app().join(name)).unwrap();
    assert_eq!(target("venv/bin/python3"), Path::new("/usr/bin/python3"));
    assert_eq!((target("up").as_path(), target("c").as_path()), (Path::new("../../x"), victim.as_path()));
    assert_eq!((spool.read("a"), fs::read_to_string(&victim).unwrap()), ("inside".into(), "outside".into()));
    assert_eq!(victim.metadata().unwrap().nlink(), 1);
    // What is unpacked next removes the links, and not what they lead to.
    spool.unpack(Archive::default().symlink("d", outside.path().to_str().unwrap())).unwrap();
    spool.unpack(Archive::default().file("x", "")).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "outside");
}
