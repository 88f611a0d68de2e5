//! What all connected stream sockets do with bytes: read, write, end, split. It owns the methods, not the system calls.

/// The methods and traits of a byte stream, for a type with a field `io` that is a `Registered`.
/// `receive` and `receive_vectored` are the calls that read.
macro_rules! byte_stream {
    ($name:ident, $receive:path, $receive_vectored:path) => {
        impl $name {
            /// Reads what is there, and does not wait. Zero is the end of the stream, if the buffer has room for any.
            ///
            /// # Errors
            ///
            /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is nothing; others as from a read.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "let error = it.try_read(&mut [0; 8]).unwrap_err();\n\
                 assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);")]
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                if buffer.is_empty() {
                    return Ok(0);
                }
                Ok(self.io.try_call(Direction::Read, |io| $receive(io.as_fd(), as_uninit(buffer)))?)
            }

            /// [`try_read`](Self::try_read) into several buffers, the first ones first.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "let mut buffer = [0; 8];\n\
                 let mut buffers = [std::io::IoSliceMut::new(&mut buffer)];\n\
                 assert!(it.try_read_vectored(&mut buffers).is_err());")]
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Ok(0);
                }
                Ok(self.io.try_call(Direction::Read, |io| $receive_vectored(io.as_fd(), buffers))?)
            }

            /// Writes what there is room for, and does not wait.
            ///
            /// # Errors
            ///
            /// [`WouldBlock`](io::ErrorKind::WouldBlock), if there is no room; others as from a write.
            ///
            #[doc = $crate::io::net::setup::example!($name, "assert_eq!(it.try_write(b\"hello\")?, 5);")]
            pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
                if buffer.is_empty() {
                    return Ok(0);
                }
                Ok(self.io.try_call(Direction::Write, |io| transmit(io.as_fd(), buffer))?)
            }

            /// [`try_write`](Self::try_write) from several buffers, the first ones first.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "let buffers = [std::io::IoSlice::new(b\"hel\"), std::io::IoSlice::new(b\"lo\")];\n\
                 assert_eq!(it.try_write_vectored(&buffers)?, 5);")]
            pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Ok(0);
                }
                Ok(self.io.try_call(Direction::Write, |io| transmit_vectored(io.as_fd(), buffers))?)
            }

            /// Reads without taking: the next read gives the same bytes, and maybe more.
            ///
            /// # Errors
            ///
            /// As from a read.
            ///
            /// # Panics
            ///
            /// If it has to wait on a thread without a runtime.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost.
            pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                core::future::poll_fn(|cx| self.poll_peek(cx, buffer)).await
            }

            /// [`peek`](Self::peek), as a poll. Any number of tasks may wait; all are woken.
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Panics
            ///
            /// As there.
            pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
                if buffer.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                self.io.poll_io(Direction::Read, cx, |io| peek(io.as_fd(), buffer))
            }

            /// Ends reading, writing, or both. After the end of writing the other end reads to its end; what was written before
            /// is still sent, and reading goes on. A direction that has ended already is no error.
            ///
            /// # Errors
            ///
            /// The system's.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "it.shutdown(std::net::Shutdown::Write)?;\n\
                 it.shutdown(std::net::Shutdown::Write)?;\n\
                 assert_eq!(it.try_write(b\"more\").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);")]
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                match self.io.get_ref().shutdown(how) {
                    // The other end has ended it already.
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                    result => result,
                }
            }

            /// Lends the halves out, each to one user.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "use futures_lite::AsyncWriteExt;\n\
                 let mut it = it;\n\
                 let (_read, mut write) = it.split();\n\
                 write.write_all(b\"hello\").await?;")]
            pub fn split(&mut self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
                split::borrowed(self)
            }

            /// Takes the stream apart, into halves that two tasks can own. The drop of the writing half ends the writing.
            /// [`OwnedReadHalf::reunite`] undoes it.
            ///
            #[doc = $crate::io::net::setup::example!($name,
                "use futures_lite::AsyncWriteExt;\n\
                 let (_read, mut write) = it.into_split();\n\
                 write.write_all(b\"hello\").await?;")]
            pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
                split::owned(self)
            }

            #[inline]
            fn poll_receive(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
            ) -> Poll<io::Result<usize>> {
                if buffer.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                match self.io.wait(Direction::Read, cx) {
                    Ok(()) => Poll::Pending,
                    Err(lost) => self.receive_now(cx, buffer, lost),
                }
            }

            /// Apart, so that the wait above needs no stack.
            #[inline(never)]
            fn receive_now(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
                lost: impl Sized,
            ) -> Poll<io::Result<usize>> {
                drop(lost);
                match self.io.quick(Direction::Read, |socket| $receive(socket, buffer)) {
                    Ok(count) => Poll::Ready(Ok(count)),
                    Err(rest) => self.receive_on(cx, buffer, rest),
                }
            }

            #[cold]
            #[inline(never)]
            fn receive_on(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
                rest: Rest<Errno>,
            ) -> Poll<io::Result<usize>> {
                let receive = |socket: BorrowedFd<'_>| $receive(socket, buffer);
                self.io.poll_call_on(Direction::Read, cx, receive, rest)
            }

            fn poll_receive_vectored(
                &self,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Poll::Ready(Ok(0));
                }
                self.io.poll_io(Direction::Read, cx, |io| $receive_vectored(io.as_fd(), buffers))
            }

            fn poll_transmit(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
                if buffer.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                match self.io.quick(Direction::Write, |socket| transmit(socket, buffer)) {
                    Ok(count) => Poll::Ready(Ok(count)),
                    Err(rest) => self.transmit_on(cx, buffer, rest),
                }
            }

            #[cold]
            #[inline(never)]
            fn transmit_on(
                &self,
                cx: &mut Context<'_>,
                buffer: &[u8],
                rest: Rest<Errno>,
            ) -> Poll<io::Result<usize>> {
                let transmit = |socket: BorrowedFd<'_>| transmit(socket, buffer);
                self.io.poll_call_on(Direction::Write, cx, transmit, rest)
            }

            fn poll_transmit_vectored(
                &self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Poll::Ready(Ok(0));
                }
                self.io.poll_io(Direction::Write, cx, |io| transmit_vectored(io.as_fd(), buffers))
            }
        }

        $crate::io::net::byte_stream::byte_stream!(@traits $name);
        $crate::io::net::byte_stream::byte_stream!(@traits &$name);

        impl split::sealed::Ends for $name {
            fn end_writes(&self) {
                // Refused if there is nothing to end.
                let _ = self.shutdown(Shutdown::Write);
            }
        }

        impl split::Split for $name {}

        readers!($name, &$name, ReadHalf<'_, $name>, OwnedReadHalf<$name>);
        writers!($name, &$name, WriteHalf<'_, $name>, OwnedWriteHalf<$name>);
    };
    (@traits $name:ty) => {
        // SAFETY: the calls give how many bytes the kernel has written to the beginning of the buffer.
        unsafe impl PollRead for $name {
            #[inline]
            fn poll_read(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut [MaybeUninit<u8>],
            ) -> Poll<io::Result<usize>> {
                self.poll_receive(cx, buffer)
            }

            fn poll_read_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_receive_vectored(cx, buffers)
            }
        }

        impl PollWrite for $name {
            const IS_VECTORED: bool = true;

            #[inline]
            fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
                self.poll_transmit(cx, buffer)
            }

            fn poll_write_vectored(
                &mut self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.poll_transmit_vectored(cx, buffers)
            }

            fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.shutdown(Shutdown::Write))
            }
        }
    };
}

pub(super) use byte_stream;
