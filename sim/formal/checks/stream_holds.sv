// SPDX-License-Identifier: Apache-2.0
// Property: once a beat is offered it is offered until it is taken, with the same data.
`default_nettype none

module stream_holds #(
  parameter int unsigned WIDTH = 1
) (
  input  wire              clk,
  input  wire              rst_n,
  input  wire              valid,
  input  wire              ready,
  input  wire [WIDTH-1:0]  data
);

  logic             waiting_q;
  logic [WIDTH-1:0] beat_q;

  always_ff @(posedge clk) begin
    waiting_q <= rst_n && valid && !ready;
    beat_q    <= data;
  end

  always_comb begin
    if (rst_n && waiting_q) begin
      valid_holds: assert (valid);
      data_holds:  assert (data == beat_q);
    end
  end

endmodule

`default_nettype wire
