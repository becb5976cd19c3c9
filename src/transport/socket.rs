//! A plain or encrypted TCP stream.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::net::recv;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A plain or encrypted TCP stream.
#[derive(Debug)]
pub enum Socket {
    /// `http://`.
    Plain(TcpStream),
    /// `https://`.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// The peer chose HTTP/2 during the handshake.
    pub fn speaks_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// The peer has neither closed nor said anything unasked: the connection can carry another request.
    ///
    /// Asks the kernel, as the runtime hears of a close only at its next turn. Some servers announce keep-alive and
    /// close after every stream (llama.cpp). Under TLS, bytes may be session tickets, so that only a close counts.
    pub(super) fn is_idle(&self) -> bool {
        let (tcp, is_plain) = match self {
            Self::Plain(tcp) => (tcp, true),
            Self::Tls(tls) => (tls.get_ref().0, false),
        };
        match recv(tcp, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, n)) => n > 0 && !is_plain,
            Err(reason) => reason == Errno::AGAIN,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::Plain(ours), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn only_a_quiet_connection_is_idle() {
        let (ours, theirs) = pair().await;
        assert!(ours.is_idle());
        drop(theirs);
        assert!(!ours.is_idle(), "closed");
        let (ours, mut theirs) = pair().await;
        theirs.write_all(b"HTTP/1.1 408 ").await.unwrap();
        assert!(!ours.is_idle(), "speaks unasked");
        theirs.set_zero_linger().unwrap();
        drop(theirs);
        assert!(!ours.is_idle(), "reset");
    }
}
