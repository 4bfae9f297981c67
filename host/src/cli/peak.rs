//! The peak of this process's memory.

/// Most bytes that this process ever had in memory (`VmHWM`); `None` where the system does not tell.
pub(super) fn memory() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        assert_eq!(parse("VmPeak:\t  99 kB\nVmHWM:\t   12 kB\nVmRSS:\t 1 kB\n"), Some(12 * 1024));
        assert_eq!(parse("VmRSS:\t 1 kB\n"), None);
        assert!(memory().unwrap() > 1 << 20);
    }
}
