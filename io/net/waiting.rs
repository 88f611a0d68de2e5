//! The methods that wait for a socket without reading or writing, the same for all types.

/// Readiness, for a type with a field `io` that is a `Registered`.
macro_rules! waiting {
    ($name:ident, $std:ty) => {
        impl $name {
            /// Waits until a read may succeed, which the end and an error are, too. It is a hint: be ready for a refusal.
            /// It stays so until a read was refused, or has found all there was.
            ///
            /// # Errors
            ///
            /// If the system refuses to watch the socket, or the thread's runtime has ended.
            ///
            /// # Panics
            ///
            /// If it has to wait on a thread without a runtime.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "let nothing = filch::time::timeout(std::time::Duration::from_millis(1), it.readable()).await;\n\
                 assert!(nothing.is_err());")]
            pub async fn readable(&self) -> io::Result<()> {
                self.io.readable().await
            }

            /// As [`readable`](Self::readable), for writing.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            ///
            #[doc = $crate::io::net::setup::example!($name, "it.writable().await?;")]
            pub async fn writable(&self) -> io::Result<()> {
                self.io.writable().await
            }

            /// Waits until anything of `interest` has come, and says what.
            ///
            /// # Errors
            ///
            /// As [`readable`](Self::readable).
            ///
            /// # Panics
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "use filch::io::Interest;\n\
                 let ready = it.ready(Interest::READABLE | Interest::WRITABLE).await?;\n\
                 assert!(ready.is_writable());")]
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.io.ready(interest).await
            }

            /// [`readable`](Self::readable), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.io.poll_read_ready(cx)
            }

            /// [`writable`](Self::writable), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As [`readable`](Self::readable).
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.io.poll_write_ready(cx)
            }

            /// Makes an operation on the standard library's socket at once, and does not wait. When it gives
            /// [`WouldBlock`](io::ErrorKind::WouldBlock), the next [`readable`](Self::readable) or
            /// [`writable`](Self::writable) waits for an event. One that is interrupted is made again.
            ///
            /// # Errors
            ///
            /// The operation's.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "use filch::io::Interest;\n\
                 let error = it.try_io(Interest::READABLE, |_| Err::<(), _>(std::io::ErrorKind::WouldBlock.into()));\n\
                 assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);")]
            pub fn try_io<R>(
                &self,
                interest: Interest,
                operation: impl FnMut(&$std) -> io::Result<R>,
            ) -> io::Result<R> {
                self.io.try_io(interest, operation)
            }

            /// Makes an operation on the standard library's socket as soon as it does not give
            /// [`WouldBlock`](io::ErrorKind::WouldBlock).
            ///
            /// # Errors
            ///
            /// The operation's, and those of [`readable`](Self::readable).
            ///
            /// # Panics
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// It waits only when the operation has been refused, and so has done nothing.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "use filch::io::Interest;\n\
                 it.async_io(Interest::WRITABLE, |socket| socket.take_error()).await?;")]
            pub async fn async_io<R>(
                &self,
                interest: Interest,
                operation: impl FnMut(&$std) -> io::Result<R>,
            ) -> io::Result<R> {
                self.io.async_io(interest, operation).await
            }

            /// The error that the socket keeps, if any, which is taken from it.
            ///
            /// # Errors
            ///
            /// If the system does not tell.
            ///
            #[doc = $crate::io::net::setup::example!($name, "assert!(it.take_error()?.is_none());")]
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.io.get_ref().take_error()
            }
        }
    };
}

pub(super) use waiting;
