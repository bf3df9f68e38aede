// SPDX-License-Identifier: Apache-2.0
// Properties of a queue: what comes out is what went in - no word lost, duplicated, reordered or changed - and
// no more than CAPACITY words are inside.
//
// One word is watched: any one, since `mark`, a free input of the proof, says when. The words before it are
// counted; once they are out, the next one must be the watched one. A word lost or doubled before it, or
// it itself, puts another in its place. A word may leave in the cycle in which it enters.
// How many words are inside is shown by `level`.
`default_nettype none

module stream_order #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned CAPACITY = 2
) (
  input  wire              clk,
  input  wire              rst_n,
  input  wire              mark,

  input  wire              enters,
  input  wire [WIDTH-1:0]  word_in,
  input  wire              leaves,
  input  wire [WIDTH-1:0]  word_out,

  output wire [$clog2(CAPACITY+2)-1:0] level
);

  typedef logic [$clog2(CAPACITY+2)-1:0] level_t;

  level_t           level_q, ahead_q;
  logic             watched_q;
  logic [WIDTH-1:0] word_q;

  wire              watched = watched_q || (mark && enters);
  wire level_t      ahead  = watched_q ? ahead_q : level_q;
  wire [WIDTH-1:0]  word    = watched_q ? word_q : word_in;
  wire              due     = watched && ahead == '0;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      level_q   <= '0;
      ahead_q  <= '0;
      watched_q <= 1'b0;
    end else begin
      level_q   <= level_q + level_t'(enters) - level_t'(leaves);
      ahead_q  <= ahead - level_t'(leaves && !due);
      watched_q <= watched && !(due && leaves);
    end
    word_q <= word;
  end

  assign level = level_q;

  always_comb begin
    if (rst_n) begin
      level_in_range: assert (level_q <= level_t'(CAPACITY));
      none_spurious:  assert (!leaves || enters || level_q != '0);
      in_order:       assert (!(leaves && due) || word_out == word);
    end
  end

endmodule

`default_nettype wire
