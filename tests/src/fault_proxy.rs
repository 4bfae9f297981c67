//! A proxy between a transport and its server that goes wrong on purpose, connection by connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every piece comes later by this.
    Latency(Duration),
    /// It is closed when so many bytes have gone to the server.
    CutRequest(u64),
    /// It is closed when so many bytes have come from the server.
    CutAnswer(u64),
    /// It is reset when so many bytes have come from the server.
    ResetAnswer(u64),
    /// So many bytes a second in each direction.
    Throttle(u64),
    /// The lowest bit of the byte at this place of what comes from the server is turned.
    CorruptAnswer(u64),
    /// The lowest bit of the byte at this place of what goes to the server is turned.
    CorruptRequest(u64),
    /// When so many bytes have come from the server nothing moves any more, and the connection stays open.
    BlackHole(u64),
    /// The server is not asked: the answer is this status, with `retry-after: 0`.
    Status(u16),
}

/// A running proxy; gone with this value.
pub struct FaultProxy {
    /// Where it listens.
    pub address: SocketAddr,
    faulty: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl FaultProxy {
    /// Stands before a port of this machine. `plan` says what happens to the connection of a number, counted from 1.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(port: u16, plan: impl Fn(u64) -> Fault + Send + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let faulty = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&faulty);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                number += 1;
                let fault = plan(number);
                counted.fetch_add(u64::from(fault != Fault::None), Ordering::Relaxed);
                // How it ends is for both sides to see.
                connections.spawn(async move { drop(serve(client, port, fault).await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, faulty, _task: AbortOnDropHandle::new(task) })
    }

    /// How many connections had a fault.
    #[must_use]
    pub fn faulty(&self) -> u64 {
        self.faulty.load(Ordering::Relaxed)
    }
}

async fn serve(mut client: TcpStream, port: u16, fault: Fault) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    if let Fault::Status(status) = fault {
        return answer(&mut client, status).await;
    }
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.set_nodelay(true)?;
    let reset = matches!(fault, Fault::ResetAnswer(_));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let request = pump(from_client, to_server, Way::Request, fault);
    let response = pump(from_server, to_client, Way::Answer, fault);
    tokio::pin!(request, response);
    let ends = tokio::select! {
        ended = &mut request => ended,
        ended = &mut response => ended,
    };
    if let (Ok((_, to)), true) = (&ends, reset) {
        to.as_ref().set_zero_linger()?;
    }
    ends.map(drop)
}

async fn answer(client: &mut TcpStream, status: u16) -> std::io::Result<()> {
    let mut head = vec![0; 16 << 10];
    let _ = client.read(&mut head).await?;
    let text = format!(
        "HTTP/1.1 {status} Injected\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await?;
    // What is not read would turn the close into a reset, and the answer would be lost.
    while client.read(&mut head).await? > 0 {}
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

/// Moves bytes one way until they end or the fault strikes.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    fault: Fault,
) -> std::io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let mut buffer = vec![0; 16 << 10];
    let mut moved = 0_u64;
    loop {
        let got = from.read(&mut buffer).await?;
        if got == 0 {
            return Ok((from, to));
        }
        let piece = &mut buffer[..got];
        let end = match (fault, way) {
            (Fault::CutRequest(at), Way::Request)
            | (Fault::CutAnswer(at) | Fault::ResetAnswer(at), Way::Answer) => at,
            _ => u64::MAX,
        };
        match (fault, way) {
            (Fault::Latency(time), _) => tokio::time::sleep(time).await,
            (Fault::Throttle(rate), _) => {
                tokio::time::sleep(Duration::from_secs_f64(got as f64 / rate as f64)).await;
            }
            (Fault::CorruptAnswer(at), Way::Answer) | (Fault::CorruptRequest(at), Way::Request)
                if (moved..moved + got as u64).contains(&at) =>
            {
                piece[(at - moved) as usize] ^= 1;
            }
            (Fault::BlackHole(at), Way::Answer) if moved + got as u64 > at => {
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        let keep = usize::try_from(end.saturating_sub(moved)).unwrap_or(usize::MAX).min(got);
        to.write_all(&piece[..keep]).await?;
        moved += got as u64;
        if keep < got {
            return Ok((from, to));
        }
    }
}
