//! One frame of Zstandard.

use std::io::{self, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::source::Source;

/// A reader of what a frame contains. A skippable frame contains nothing.
pub(super) struct ZstdFrame<'a> {
    decoder: FrameDecoder,
    source: Source<'a>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Blocks,
    Finished,
}

impl<'a> ZstdFrame<'a> {
    /// Returns a reader that refuses a frame with a window of more than `max_window` bytes.
    pub(super) fn new(source: Source<'a>, max_window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(max_window);
        Self { decoder, source, state: State::Header }
    }

    pub(super) fn source(&self) -> Source<'a> {
        self.source
    }

    fn read_header(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.source) {
            Ok(()) => {
                self.state = State::Blocks;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut Read::take(&mut self.source, length), &mut io::sink())?;
                self.state = State::Finished;
                if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => Err(io::ErrorKind::OutOfMemory.into()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Compares the checksum of the frame, if it has one, with that of its contents.
    fn finish(&mut self) -> io::Result<()> {
        self.state = State::Finished;
        match self.decoder.get_checksum_from_data() {
            Some(stored) if self.decoder.get_calculated_checksum() != Some(stored) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong"))
            }
            _ => Ok(()),
        }
    }
}

impl Read for ZstdFrame<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.state == State::Header {
            self.read_header()?;
        }
        if self.state == State::Finished {
            return Ok(0);
        }
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        if self.decoder.can_collect() == 0 {
            self.finish()?;
            return Ok(0);
        }
        self.decoder.read(into)
    }
}
