//! Pictures small enough to be kept in the repository: the browser's PNG, with a palette of 256 colours and packed well.
//!
//! Reads what Chromium writes (8 bits a channel, RGB or RGBA, not interlaced), and nothing else.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Colour types of the format.
const RGB: u8 = 2;
const PALETTE: u8 = 3;
const RGBA: u8 = 6;

/// How many colours of the palette are simply the commonest; the others are those that would be missed most.
const COMMONEST: usize = 64;

type Colour = [u8; 3];

/// A picture in memory.
#[derive(PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Line by line.
    pub(crate) pixels: Vec<Colour>,
}

impl Picture {
    /// What a PNG of Chromium's or of [`Picture::write`] shows.
    pub(crate) fn read(png: &[u8]) -> Self {
        let mut rest = png.strip_prefix(&SIGNATURE).expect("a PNG");
        let (mut head, mut palette, mut packed) = (Vec::new(), Vec::new(), Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (name, after) = after.split_at(4);
            let (data, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            match name {
                b"IHDR" => head = data.to_vec(),
                b"PLTE" => palette = data.as_chunks::<3>().0.to_vec(),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            rest = &after[4..];
        }
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let (width, height, kind) = (number(0), number(4), head[9]);
        assert_eq!((head[8], head[12]), (8, 0), "8 bits a channel, not interlaced");
        let depth = match kind {
            RGB => 3,
            RGBA => 4,
            PALETTE => 1,
            other => panic!("colour type {other}"),
        };
        let mut lines = Vec::new();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut lines).unwrap();
        let bytes = unfiltered(&lines, width as usize * depth, depth);
        let colour = |pixel: &[u8]| {
            if kind == PALETTE { palette[usize::from(pixel[0])] } else { [pixel[0], pixel[1], pixel[2]] }
        };
        Self { width, height, pixels: bytes.chunks(depth).map(colour).collect() }
    }

    /// A PNG with a palette: up to 256 colours stay exact, more become the nearest of 256.
    pub(crate) fn write(&self) -> Vec<u8> {
        let (palette, index) = self.palette();
        let mut lines = ZlibEncoder::new(Vec::new(), Compression::best());
        for line in self.pixels.chunks(self.width as usize) {
            // No filter: neighbouring numbers of a palette mean nothing to each other.
            let mut numbers = vec![0];
            for run in line.chunk_by(|a, b| a == b) {
                numbers.resize(numbers.len() + run.len(), index[&run[0]]);
            }
            lines.write_all(&numbers).unwrap();
        }
        let mut head = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        head.extend([8, PALETTE, 0, 0, 0]);
        let mut png = SIGNATURE.to_vec();
        let chunks: [(&[u8; 4], &[u8]); 4] =
            [(b"IHDR", &head), (b"PLTE", palette.as_flattened()), (b"IDAT", &lines.finish().unwrap()), (b"IEND", &[])];
        for (name, data) in chunks {
            let mut sum = flate2::Crc::new();
            sum.update(name);
            sum.update(data);
            png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            png.extend([name.as_slice(), data, &sum.sum().to_be_bytes()].concat());
        }
        png
    }

    /// The palette, and each colour's number in it.
    fn palette(&self) -> (Vec<Colour>, HashMap<Colour, u8>) {
        let mut counts: HashMap<Colour, usize> = HashMap::new();
        for run in self.pixels.chunk_by(|a, b| a == b) {
            *counts.entry(run[0]).or_default() += run.len();
        }
        let mut colours: Vec<Colour> = counts.keys().copied().collect();
        // By colour too: the same picture gives the same file.
        colours.sort_by_key(|colour| (Reverse(counts[colour]), *colour));
        let mut palette = colours[..colours.len().min(COMMONEST)].to_vec();
        // How far each colour is from what the palette has of it. A rare one may be the only red of the page.
        let mut missed: Vec<u32> =
            colours.iter().map(|c| palette.iter().map(|kept| distance(c, kept)).min().unwrap()).collect();
        while palette.len() < 256 {
            let Some((worst, &miss)) = missed.iter().enumerate().max_by_key(|(at, miss)| (**miss, Reverse(*at))) else {
                break;
            };
            if miss == 0 {
                break;
            }
            palette.push(colours[worst]);
            for (miss, colour) in missed.iter_mut().zip(&colours) {
                *miss = (*miss).min(distance(colour, &colours[worst]));
            }
        }
        let nearest =
            |colour: &Colour| (0_u8..=255).zip(&palette).min_by_key(|(_, kept)| distance(colour, kept)).unwrap().0;
        let index = colours.iter().map(|colour| (*colour, nearest(colour))).collect();
        (palette, index)
    }
}

fn distance(a: &Colour, b: &Colour) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}

/// Takes the format's filters away, which replace bytes by their difference to what stands left and above.
fn unfiltered(lines: &[u8], width: usize, depth: usize) -> Vec<u8> {
    let mut all: Vec<u8> = Vec::new();
    for (y, line) in lines.chunks(width + 1).enumerate() {
        let start = y * width;
        for (x, byte) in line[1..].iter().enumerate() {
            let left = if x < depth { 0 } else { all[start + x - depth] };
            let above = if y == 0 { 0 } else { all[start + x - width] };
            let corner = if x < depth || y == 0 { 0 } else { all[start + x - width - depth] };
            let expected = match line[0] {
                0 => 0,
                1 => left,
                2 => above,
                3 => u16::midpoint(left.into(), above.into()).try_into().unwrap(),
                4 => paeth(left, above, corner),
                other => panic!("filter {other}"),
            };
            all.push(byte.wrapping_add(expected));
        }
    }
    all
}

/// Of left, above and corner the one nearest to left + above − corner.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let expected = a + b - c;
    let by_distance = [(left, a), (above, b), (corner, c)].map(|(byte, value)| (expected.abs_diff(value), byte));
    // The first of equals, as the format says.
    by_distance.into_iter().min_by_key(|(distance, _)| *distance).unwrap().1
}
