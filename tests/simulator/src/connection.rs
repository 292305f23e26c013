//! Connections that a handler can cut, to play a provider whose network fails.
//!
//! A handler gets a [`Line`] as connect info. After [`Line::close`] or [`Line::reset`] nothing more is written:
//! the answer the handler returns never leaves, and the peer sees a closed or an aborted connection.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

const OPEN: u8 = 0;
const CLOSE: u8 = 1;
const RESET: u8 = 2;

/// The handler's end of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<AtomicU8>);

impl Line {
    /// Ends the connection in good order, without an answer.
    pub(crate) fn close(&self) {
        self.0.store(CLOSE, Ordering::Relaxed);
    }

    /// Aborts the connection (TCP RST).
    pub(crate) fn reset(&self) {
        self.0.store(RESET, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Listener>> for Line {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().line.clone()
    }
}

/// A TCP listener whose connections can be cut.
#[derive(Debug)]
pub(crate) struct Listener(pub(crate) TcpListener);

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    return (Connection { stream, line: Line(Arc::new(AtomicU8::new(OPEN))) }, peer);
                }
                Err(error) => {
                    // Out of file descriptors, most likely: let some go before the next try.
                    tracing::warn!(%error, "accept.failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    line: Line,
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        match self.line.0.load(Ordering::Relaxed) {
            OPEN => Ok(()),
            _ => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.line.0.load(Ordering::Relaxed) == RESET {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.0.load(Ordering::Relaxed) == RESET {
            return Poll::Ready(Ok(())); // no FIN before the RST
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
