// SPDX-License-Identifier: Apache-2.0
// The reset of a proof: on in the first cycle, and after that whenever `reset_n`, a free input, says so.
`default_nettype none

module first_reset (
  input  wire clk,
  input  wire reset_n,
  output wire rst_n
);

  logic begun_q = 1'b0;

  always_ff @(posedge clk) begun_q <= 1'b1;

  assign rst_n = begun_q && reset_n;

endmodule

`default_nettype wire
