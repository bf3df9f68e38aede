# Our modules as IP: an IP repository each, in work/ip/.

# Package the module `name` of the files `sources`; `buses` are its AXI-Streams. The HDL's X_INTERFACE attributes
# name the buses; here it is made sure that Vivado has understood them.
proc package_module {design work name sources buses} {
  set project pack_$name
  set repository [file join $work ip $name]
  create_project -force $project [file join $work $project] -part [dict get $design part]
  add_files -norecurse $sources
  set_property top $name [current_fileset]
  update_compile_order -fileset sources_1
  ipx::package_project -root_dir $repository -vendor pixelmend -library pixelmend -taxonomy /UserIP -import_files
  set core [ipx::current_core]
  set_property name $name $core
  set_property version 1.0 $core
  set_property display_name $name $core
  # The clock is the block design's to choose.
  set_property ipi_drc {ignore_freq_hz true} $core
  foreach bus [concat $buses ap_clk ap_rst_n] {
    if {[llength [ipx::get_bus_interfaces -quiet $bus -of_objects $core]] != 1} {
      error "packaging $name: the bus interface $bus was not recognized"
    }
  }
  foreach bus $buses {
    ipx::associate_bus_interfaces -busif $bus -clock ap_clk $core
  }
  ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
  set_property core_revision 1 $core
  ipx::create_xgui_files $core
  ipx::update_checksums $core
  ipx::check_integrity $core
  ipx::save_core $core
  close_project
  return $repository
}

# The width converters, between the words of the DMA and the beats of the accelerator.
proc package_converters {design here work} {
  say_step 1 "packaging the width converters"
  set result {}
  set packs [lmap output [further_outputs $design] {string cat pixelmend_pack_ $output}]
  foreach name [concat {pixelmend_unpack pixelmend_pack} $packs] {
    set sources [list [file join $here shell stream_width.sv] [file join $here shell $name.v]]
    lappend result [package_module $design $work $name $sources {s_axis m_axis}]
  }
  return $result
}

# The accelerator of the RTL backend. Its memories are read by paths relative to rtl/, which a synthesis run that
# starts elsewhere does not find; the copies that are packaged say where rtl/ lies now.
proc package_accelerator {design here work} {
  say_step 2 "packaging the accelerator"
  set sources {}
  foreach name [dict get $design sources] {
    set text [read_text [file join $here rtl $name]]
    set copy [file join $work rtl $name]
    write_text $copy [string map [list "\"memory/" "\"[file join $here rtl memory]/"] $text]
    lappend sources $copy
  }
  lappend sources [file join $here shell pixelmend.v]
  set more [lmap output [further_outputs $design] {string cat m_axis_ $output}]
  return [package_module $design $work pixelmend $sources [concat {s_axis m_axis} $more]]
}
