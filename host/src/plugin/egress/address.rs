//! What kind of place an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a grant reaches. Each includes those before it, but for the metadata services, which are a grant of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Addresses of the open internet.
    Public,
    /// Loopback and private networks as well, link-local addresses of IPv6 among them: the operator has named the host.
    Named,
    /// Only a service that hands out credentials to whatever runs on the machine.
    Metadata,
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    Local,
    Metadata,
    /// Unspecified, multicast, broadcast and reserved: no service has one.
    Nobody,
}

/// The metadata services of the clouds that lie outside of 169.254.0.0/16. That network is theirs altogether: each provider
/// has addresses of its own there, for machines and for containers, and hardly anybody else has one.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200)];
const METADATA_V6: [Ipv6Addr; 6] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

/// Names under which the metadata services are known.
const METADATA_NAMES: [&str; 6] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
];

impl Reach {
    /// Whether the grant reaches an address.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        match kind(address) {
            Kind::Public => self != Self::Metadata,
            Kind::Local => self == Self::Named,
            Kind::Metadata => self == Self::Metadata,
            Kind::Nobody => false,
        }
    }
}

/// Whether a host, in lower case and without brackets, is a metadata service by its name or address.
pub(super) fn is_metadata(host: &str) -> bool {
    METADATA_NAMES.contains(&host) || host.parse().is_ok_and(|a| kind(a) == Kind::Metadata)
}

fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => kind_v4(v4),
            None => kind_v6(v6),
        },
    }
}

/// The IPv4 address that packets to an IPv6 address end up at: mapped, NAT64 (RFC 6052) and 6to4.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => Some(v4(g, h)),
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => Some(v4(g, h)),
        (0x2002, _) => Some(v4(b, c)),
        _ => None,
    }
}

fn kind_v4(v4: Ipv4Addr) -> Kind {
    let [a, b, c, _] = v4.octets();
    if v4.is_link_local() || METADATA_V4.contains(&v4) {
        return Kind::Metadata;
    }
    // Shared address space of providers, benchmarks, and the block of protocol assignments.
    let is_special =
        (a == 100 && (64..128).contains(&b)) || (a == 198 && (b & !1) == 18) || (a, b, c) == (192, 0, 0);
    if v4.is_loopback() || v4.is_private() || is_special {
        Kind::Local
    } else if a == 0 || a >= 224 || v4.is_documentation() {
        Kind::Nobody
    } else {
        Kind::Public
    }
}

fn kind_v6(v6: Ipv6Addr) -> Kind {
    let first = v6.segments()[0];
    if METADATA_V6.contains(&v6) {
        Kind::Metadata
    } else if v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() {
        Kind::Local
    } else if (0x2000..0x4000).contains(&first) && v6.segments()[..2] != [0x2001, 0xdb8] {
        Kind::Public
    } else {
        // Everything else is unspecified, multicast, local to a site, a translation prefix of some network's own, or
        // not assigned to anybody.
        Kind::Nobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(address: &str) -> Vec<Reach> {
        let address: IpAddr = address.parse().unwrap();
        [Reach::Public, Reach::Named, Reach::Metadata].into_iter().filter(|r| r.admits(address)).collect()
    }

    #[test]
    fn every_address_belongs_to_one_kind_however_it_is_written() {
        let public = vec![Reach::Public, Reach::Named];
        for address in ["52.216.0.1", "2600:1f18::1", "::ffff:52.216.0.1", "64:ff9b::34d8:1", "168.63.129.15"]
        {
            assert_eq!(admitted(address), public, "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fe80::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert_eq!(admitted(address), [Reach::Named], "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "169.254.0.23",
            "169.254.42.42",
            "169.254.0.0",
            "169.254.255.255",
            "168.63.129.16",
            "100.100.100.200",
            "::ffff:169.254.169.254",
            "::ffff:169.254.0.23",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a9fe:2a2a",
            "2002:a9fe:a9fe::",
            "fd00:ec2::254",
            "fd00:c1::a9fe:a9fe",
            "fe80::a9fe:a9fe",
        ] {
            assert_eq!(admitted(address), [Reach::Metadata], "{address}");
            assert!(is_metadata(address));
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::7f00:1",
            "64:ff9b:1::1",
        ] {
            assert_eq!(admitted(address), [], "{address}");
        }
    }

    #[test]
    fn a_metadata_service_is_known_by_its_names_as_well() {
        for name in ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"] {
            assert!(is_metadata(name), "{name}");
        }
        assert!(!is_metadata("metadata.example.com") && !is_metadata("169.253.0.1"));
    }
}
