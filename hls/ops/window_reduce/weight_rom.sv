// SPDX-License-Identifier: Apache-2.0
// A memory of constant words that is read one cycle ahead.
//
//   word = words[place of the clock edge before]
//
// Words come from INIT_FILE, hexadecimal, a word a line. Latency 1. Cut: address -> word.
`default_nettype none

module weight_rom #(
  parameter int unsigned WIDTH = 8,      // bits of a word
  parameter int unsigned WORDS = 2,
  parameter              INIT_FILE = "",
  parameter bit          BLOCK_RAM = 0   // 0: in LUTs
) (
  input  wire                                         clk,
  input  wire [(WORDS > 1 ? $clog2(WORDS) : 1)-1:0]   place,
  output wire [WIDTH-1:0]                             word
);

  if (WIDTH < 1 || WORDS < 1) begin : gen_size_check
    $fatal(1, "weight_rom: WIDTH and WORDS must be 1 or more, got %0d and %0d", WIDTH, WORDS);
  end

  logic [WIDTH-1:0] word_q;
  assign word = word_q;

  if (BLOCK_RAM) begin : gen_block
    (* ram_style = "block" *) logic [WIDTH-1:0] words [WORDS];
    initial $readmemh(INIT_FILE, words);

    always_ff @(posedge clk) word_q <= words[place];
  end else begin : gen_luts
    (* ram_style = "distributed" *) logic [WIDTH-1:0] words [WORDS];
    initial $readmemh(INIT_FILE, words);

    always_ff @(posedge clk) word_q <= words[place];
  end

endmodule

`default_nettype wire
