//! Disks that can be lost: an ext4 file system in a file, mounted through a loop device. The file
//! holds only what the file system wrote to its device; what a program wrote and nobody synced is in
//! the page cache alone. So a copy of the file is what a power cut leaves. It needs root.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

use crate::estate::Estate;

/// The blocks of the file system.
const BLOCK_BYTES: u64 = 4 << 10;

/// A file system on a loop device. Unmounted and removed when dropped: whatever has files open on it
/// must have ended by then.
pub(super) struct Disk {
    folder: TempDir,
    /// How many images it was on.
    images: u32,
}

/// Why no disk can be made here, if none can.
pub(super) fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("loop devices need root".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("this system has no loop devices".to_owned());
    }
    let tools = ["mkfs.ext4", "mount", "umount", "findmnt"];
    let missing = |tool: &str| Command::new(tool).arg("-V").output().is_err();
    let missing = tools.into_iter().find(|tool| missing(tool))?;
    Some(format!("{missing} is not installed"))
}

impl Disk {
    /// An empty disk of so many MiB, mounted.
    pub(super) fn new(mib: u64) -> Self {
        let disk = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            images: 0,
        };
        fs::create_dir(disk.path()).expect("a mount point");
        let image = fs::File::create(disk.image()).expect("a file for the disk");
        image.set_len(mib << 20).expect("a file that can be long");
        // Nothing is set aside for root, whose process the broker is here; nothing is done later.
        let options = [
            "-q",
            "-F",
            "-m",
            "0",
            "-b",
            "4096",
            "-E",
            "lazy_itable_init=0,nodiscard",
        ];
        run(Command::new("mkfs.ext4").args(options).arg(disk.image()));
        mount(&disk.image(), &disk.path());
        disk
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// Has the estate's store kept on it.
    pub(super) fn hold(&self, estate: &Estate) {
        symlink(self.path(), estate.data()).expect("a link to the disk");
    }

    /// Bytes free on it.
    pub(super) fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(self.path()).expect("a mounted disk");
        found.f_bavail * found.f_frsize
    }

    /// Takes room with a file of this name until so many bytes are free.
    pub(super) fn fill(&self, name: &str, leaving: u64) {
        let file = fs::File::create(self.path().join(name)).expect("a file on the disk");
        let mut length = 0;
        // The broker takes and gives room meanwhile.
        while let Some(more) = self.free().checked_sub(leaving).filter(|&more| more > 0) {
            let taken = fallocate(&file, FallocateFlags::empty(), length, more);
            if taken.is_err() && more <= BLOCK_BYTES {
                break;
            }
            length += more;
        }
    }

    /// Gives back what files of these names took.
    pub(super) fn relieve(&self, names: &[&str]) {
        for name in names {
            // Not every one was made.
            let _ = fs::remove_file(self.path().join(name));
        }
    }

    /// Cuts the power and gives it back: everything that never reached the device is gone. `stop`
    /// ends what uses the disk, which must do nothing any more when this is called.
    pub(super) fn cut(&mut self, stop: impl FnOnce()) {
        let next = self
            .folder
            .path()
            .join(format!("image-{}", self.images + 1));
        self.copy(&next);
        stop();
        self.unmount();
        fs::remove_file(self.image()).expect("the image of before");
        self.images += 1;
        mount(&self.image(), &self.path());
    }

    /// Looks at what a power cut would leave now. What uses the disk must be stopped.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&Path) -> T) -> T {
        let (image, path) = (
            self.folder.path().join("copy"),
            self.folder.path().join("peek"),
        );
        self.copy(&image);
        fs::create_dir_all(&path).expect("a mount point");
        mount(&image, &path);
        let seen = look(&path);
        run(Command::new("umount").arg(&path));
        seen
    }

    /// Copies what the device has.
    fn copy(&self, image: &Path) {
        // The kernel may write back by itself meanwhile. A copy half old, half new is none.
        loop {
            let before = self.writes();
            run(Command::new("cp")
                .arg("--sparse=always")
                .arg(self.image())
                .arg(image));
            if self.writes() == before {
                return;
            }
        }
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join(format!("image-{}", self.images))
    }

    /// What the kernel counts of its device: finished writes and flushes, and what is under way.
    fn writes(&self) -> String {
        let source = Command::new("findmnt")
            .args(["-n", "-o", "SOURCE"])
            .arg(self.path())
            .output();
        let source = String::from_utf8(source.expect("findmnt").stdout).expect("a device");
        let device = source.trim().rsplit('/').next().expect("a device");
        let counts = fs::read_to_string(format!("/sys/block/{device}/stat")).expect("its counts");
        let counts: Vec<&str> = counts.split_whitespace().collect();
        // The first four are reads, which a copy of the file is not.
        format!("{:?}", &counts[4..9])
    }

    fn unmount(&self) {
        run(Command::new("umount").arg(self.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Even when the row has failed, no mount may be left behind.
        for path in [self.path(), self.folder.path().join("peek")] {
            let _ = Command::new("umount").arg("-l").arg(path).output();
        }
    }
}

fn mount(image: &Path, path: &Path) {
    run(Command::new("mount")
        .args(["-o", "loop,noatime"])
        .arg(image)
        .arg(path));
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program that can be started");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
