// SPDX-License-Identifier: Apache-2.0
// A reference counter: steps modulo PERIOD, `last` before the wrap.
`default_nettype none

module modulo #(
  parameter int unsigned PERIOD = 1
) (
  input  wire clk,
  input  wire rst_n,
  input  wire step,
  output wire last,
  output wire [$clog2(PERIOD+1)-1:0] count
);

  typedef logic [$clog2(PERIOD+1)-1:0] count_t;

  count_t count_q;

  assign count = count_q;
  assign last = count_q == count_t'(PERIOD - 1);

  always_ff @(posedge clk) begin
    if (!rst_n)    count_q <= '0;
    else if (step) count_q <= last ? '0 : count_q + 1'b1;
  end

endmodule

`default_nettype wire
