// SPDX-License-Identifier: Apache-2.0
// Property: `idle` is never high for more than LIMIT cycles on end.
`default_nettype none

module soon #(
  parameter int unsigned LIMIT = 0
) (
  input  wire clk,
  input  wire rst_n,
  input  wire idle
);

  typedef logic [$clog2(LIMIT+2)-1:0] count_t;

  count_t idle_q;

  always_ff @(posedge clk) begin
    if (!rst_n || !idle)                idle_q <= '0;
    else if (idle_q <= count_t'(LIMIT)) idle_q <= idle_q + 1'b1;
  end

  always_comb begin
    if (rst_n) no_deadlock: assert (!idle || idle_q < count_t'(LIMIT));
  end

endmodule

`default_nettype wire
