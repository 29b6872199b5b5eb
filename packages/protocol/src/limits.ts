/** Every number two peers or a peer and the server must agree on, or an attacker would like to choose. */

/**
 * Largest record, header and room for a 16-byte tag included.
 *
 * RFC 8831 §6.6: without message interleaving a large message holds up every other one on the
 * association, so senders stay at 16 KiB. werift rescans its fragments per packet (O(n²)) and takes
 * no message above 65,536 bytes; js-libp2p and PeerJS settled on the same size.
 */
export const MAX_RECORD_BYTES = 16 * 1024;

/** Kept free at the end of every record for an AEAD tag (AES-GCM, ChaCha20-Poly1305: 16 bytes). */
export const RECORD_TAG_BYTES = 16;

/** Largest `relay` event: up to three records batched into one socket.io frame, with headers. */
export const MAX_RELAY_FRAME_BYTES = 64 * 1024;

/**
 * socket.io's `maxHttpBufferSize` for our own peers: a relay frame or a signal message and its
 * envelope fit twice. Applies before anyone has joined, so it also bounds strangers.
 */
export const PEER_MESSAGE_BYTES = 128 * 1024;

/** The same for shipped clients, whose model lists arrive in one piece: 10,000 models are about 3 MB. */
export const SHIPPED_MESSAGE_BYTES = 16 * 1024 * 1024;

/** One part of a shipped-dialect message from our own peer: fits PEER_MESSAGE_BYTES with its envelope. */
export const DIALECT_PART_BYTES = 48 * 1024;

/** Largest control message (one command, one response) after decoding; a list of 10,000 models is 2 MB. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** Largest picture either side accepts: a 4096×4096 PNG of noise is about 50 MB. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;

/** Largest input picture of img2img: 2048² PNGs of photographs measure 3 to 9 MB. */
export const MAX_INPUT_IMAGE_BYTES = 32 * 1024 * 1024;
