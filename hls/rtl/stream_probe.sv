// SPDX-License-Identifier: Apache-2.0
// Watches one stream in simulation and sums it up in 32 bits. Never part of the accelerator.
//
// Each transferred beat is cut into 32-bit words, lowest first, and each word w is taken in as
//   h = h * MULTIPLIER + mix(w)   (mod 2**32), starting from h = 1
// so that the value depends on every bit, on the order of the words, and on their number. `signature` is h as
// it stood after the last beat of the last whole frame: a node may begin the next frame early.
// sim/signature.py computes the same.
`default_nettype none

module stream_probe #(
  parameter int unsigned WIDTH = 8,       // bits of a beat, without the padding to whole bytes
  parameter int unsigned FRAME_BEATS = 1
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,
  input  wire              valid,
  input  wire              ready,
  input  wire [WIDTH-1:0]  data,
  output wire [31:0]       signature
);

  if (WIDTH < 1 || FRAME_BEATS < 1) begin : gen_check
    $fatal(1, "stream_probe: WIDTH and FRAME_BEATS must be 1 or more, got %0d and %0d", WIDTH, FRAME_BEATS);
  end

  localparam int unsigned WORDS = (WIDTH + 31) / 32;
  localparam bit [31:0] MULTIPLIER = 32'h2C9277B5;

  // A bijection that lets every bit of the word reach every bit of the sum.
  function automatic bit [31:0] mix(input bit [31:0] word);
    mix = word ^ (word >> 16);
    mix = mix * 32'h85EBCA6B;
    mix = mix ^ (mix >> 13);
    mix = mix * 32'hC2B2AE35;
    mix = mix ^ (mix >> 16);
  endfunction

  wire  [32*WORDS-1:0] words = (32*WORDS)'(data);
  logic [31:0]         hash_q, hash_d, beat_q, signature_q;
  wire                 last = beat_q == FRAME_BEATS - 1;

  always_comb begin
    hash_d = hash_q;
    for (int unsigned i = 0; i < WORDS; i++) hash_d = hash_d * MULTIPLIER + mix(words[32*i +: 32]);
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      hash_q      <= 32'd1;
      beat_q      <= '0;
      signature_q <= 32'd1;
    end else if (valid && ready) begin
      hash_q <= hash_d;
      beat_q <= last ? '0 : beat_q + 1'b1;
      if (last) signature_q <= hash_d;
    end
  end

  assign signature = signature_q;

endmodule

`default_nettype wire
