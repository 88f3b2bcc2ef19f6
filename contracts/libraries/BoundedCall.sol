// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title BoundedCall
/// @notice Calls of contracts that are not trusted: they cannot make their caller fail but by using up its gas, and copy
/// no more of what is returned than is asked for.
/// @dev Solidity's try/catch reverts in the caller when too little is returned and reserves memory for all that is.
library BoundedCall {
    /// @notice The first three words that a view of one argument returns; not answered when it reverts, runs out of
    /// its gas or returns fewer.
    /// @param gasLimit The most that the call may use; less where 63/64 of what is left is less [gas].
    function threeWords(
        address target,
        bytes4 selector,
        bytes32 argument,
        uint256 gasLimit
    ) internal view returns (bool answered, uint256 first, uint256 second, uint256 third) {
        // (bool success, bytes memory data) = target.staticcall{gas: gasLimit}(abi.encodePacked(selector, argument));
        // answered = success && data.length >= 96;
        // if (answered) (first, second, third) = abi.decode(data, (uint256, uint256, uint256));
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, argument)
            answered := staticcall(gasLimit, target, 0x00, 0x24, words, 0x60)
            answered := and(answered, gt(returndatasize(), 0x5f))
            if answered {
                first := mload(words)
                second := mload(add(words, 0x20))
                third := mload(add(words, 0x40))
            }
        }
    }

    /// @notice The first word that a view returns; not answered, and 0, when it reverts or returns less.
    function oneWord(address target, bytes memory data) internal view returns (bool answered, uint256 word) {
        // (bool success, bytes memory result) = target.staticcall(data);
        // answered = success && result.length >= 32; if (answered) word = abi.decode(result, (uint256));
        assembly ("memory-safe") {
            answered := staticcall(gas(), target, add(data, 0x20), mload(data), 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            if answered {
                word := mload(0x00)
            }
        }
    }

    /// @notice Whether a call went through; nothing that it returns is copied. An address without code says yes.
    function attempt(address target, bytes memory data) internal returns (bool success) {
        // (success, ) = target.call(data);
        assembly ("memory-safe") {
            success := call(gas(), target, 0, add(data, 0x20), mload(data), 0x00, 0x00)
        }
    }
}
