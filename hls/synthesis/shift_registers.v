// SPDX-License-Identifier: Apache-2.0
// A read at a variable place of an array of registers becomes one $shiftx a bit, the form in which Yosys
// finds shift registers with a variable tap (SRL16E, SRLC32E), as Vivado does.
//
// slang gives such a read as $bmux with word 0 of an array [0:N-1] on top and x below word N-1, and
// inverts the address. Here word 0 comes lowest again and the x go.
(* techmap_celltype = "$bmux" *)
module variable_tap (A, S, Y);
  parameter WIDTH = 1;
  parameter S_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_A_ = 0;

  localparam SLOTS = 1 << S_WIDTH;

  input [SLOTS*WIDTH-1:0] A;
  input [S_WIDTH-1:0] S;
  output [WIDTH-1:0] Y;

  localparam [SLOTS*WIDTH-1:0] CONSTANT = _TECHMAP_CONSTMSK_A_;

  function integer last_word(input integer unused);
    integer n;
    begin
      last_word = 0;
      for (n = 0; n < SLOTS; n = n + 1)
        if (!(&CONSTANT[(SLOTS-1-n)*WIDTH +: WIDTH])) last_word = n;
    end
  endfunction

  localparam WORDS = last_word(0) + 1;

  genvar i, n;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : bits
      wire [WORDS-1:0] column;
      for (n = 0; n < WORDS; n = n + 1) begin : taps
        assign column[n] = A[(SLOTS-1-n)*WIDTH + i];
      end
      \$shiftx #(
        .A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(WORDS), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)
      ) tap (.A(column), .B(~S), .Y(Y[i]));
    end
  endgenerate
endmodule
