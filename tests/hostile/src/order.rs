//! What the component is told to do: a behaviour and, where that is open, the function to do it in.

use std::str::FromStr;

use crate::Behaviour;

macro_rules! functions {
    ($($(#[$doc:meta])* $function:ident $name:literal,)*) => {
        /// What a transport exports, the end of its resource included.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function {
            $($(#[$doc])* $function,)*
        }

        impl Function {
            /// Every function.
            pub const ALL: &'static [Self] = &[$(Self::$function),*];

            /// Its name in the interface.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$function => $name,)*
                }
            }
        }
    };
}

functions! {
    /// `describe`.
    Describe "describe",
    /// `needs`.
    Needs "needs",
    /// `handle.open`.
    Open "open",
    /// `handle.home`.
    Home "home",
    /// `handle.capabilities`.
    Capabilities "capabilities",
    /// `handle.put`.
    Put "put",
    /// `handle.get`.
    Get "get",
    /// `handle.head`.
    Head "head",
    /// `handle.list`.
    List "list",
    /// `handle.delete`.
    Delete "delete",
    /// `handle.multipart-start`.
    Start "multipart-start",
    /// `handle.multipart-put`.
    Part "multipart-put",
    /// `handle.multipart-finish`.
    Finish "multipart-finish",
    /// `handle.multipart-abort`.
    Abort "multipart-abort",
    /// The destructor of `handle`.
    Drop "drop",
}

/// The value of the setting: `BEHAVIOUR` or `BEHAVIOUR in FUNCTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What to do.
    pub behaviour: Behaviour,
    /// Where, for a behaviour that is not of one function; `put` where none is named.
    pub function: Function,
}

impl Order {
    /// The behaviour, where it belongs.
    pub fn of(behaviour: Behaviour) -> Self {
        Self { behaviour, function: Function::Put }
    }

    /// The behaviour in one function.
    pub fn within(behaviour: Behaviour, function: Function) -> Self {
        Self { behaviour, function }
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.behaviour.name(), self.function.name())
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(order: &str) -> Result<Self, String> {
        let (behaviour, function) = order.split_once(" in ").unwrap_or((order, "put"));
        Ok(Self {
            behaviour: Behaviour::ALL
                .iter()
                .copied()
                .find(|b| b.name() == behaviour)
                .ok_or_else(|| format!("there is no behaviour {behaviour:?}"))?,
            function: Function::ALL
                .iter()
                .copied()
                .find(|f| f.name() == function)
                .ok_or_else(|| format!("there is no function {function:?}"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_found_by_its_text() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.name().parse(), Ok(Order::of(*behaviour)));
            for function in Function::ALL {
                let order = Order::within(*behaviour, *function);
                assert_eq!(order.to_string().parse(), Ok(order));
                // It has to fit into the place that a test writes it to.
                assert!(order.to_string().len() <= crate::BAKED.len() - crate::MARK.len());
            }
        }
        assert!("Kind".parse::<Order>().is_err() && "Trap in bed".parse::<Order>().is_err());
    }
}
